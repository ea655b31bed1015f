"""The conductor: the only room that knows every stage of the trip."""
