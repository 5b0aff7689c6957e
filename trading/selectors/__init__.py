"""What the trader's side can be asked. Live state comes from the kernel, history from PostgreSQL."""
