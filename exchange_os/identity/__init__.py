"""Who a user is: Ethereum wallets beside passwords and passkeys, and what keeps an account open to its owner."""
