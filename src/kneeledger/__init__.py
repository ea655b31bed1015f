"""kneeledger."""
