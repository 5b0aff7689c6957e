"""What anybody can check: journals to replay, and a nightly sum of all that is owed, with a proof for each user."""
