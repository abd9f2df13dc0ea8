-- Shared with the collections plugin: whoever is activated first creates it.
CREATE SCHEMA IF NOT EXISTS hangar_collections;
CREATE TABLE IF NOT EXISTS hangar_collections.params (
    key text PRIMARY KEY,
    value json NOT NULL
);
