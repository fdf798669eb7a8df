#!/bin/sh
# Runs once, when the database server's volume is new: customers' keys get a database of their own, so that a backup of
# the data never holds them.
set -eu
psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --set ON_ERROR_STOP=1 --command "CREATE DATABASE keystore OWNER \"$POSTGRES_USER\""
