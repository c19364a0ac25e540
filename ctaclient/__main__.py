"""`python -m ctaclient`."""

from ctaclient.cli import main

if __name__ == "__main__":
    main()
