"""Everything one machine with nothing prepared needs: a database, a broker and a supervisor of the processes.

``python -m exchange_os.embedded`` is ``make run``. The modules below it know nothing of Django: they start and stop
programs, and the tests use them to get a PostgreSQL and a Valkey of their own.
"""
