"""What we conclude: verdicts, and the alerts that a policy makes of them."""
