"""``python -m kneeledger``."""

from kneeledger.cli import main

if __name__ == "__main__":
    main()
