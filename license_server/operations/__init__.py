"""Running a server: its data folder, migrations, backups and integrity checks."""
