"""The public trading API in the OKX-v5-compatible dialect: REST under ``/api/v5``, sockets under
``/ws/v5``."""
