-- Metadata of collections. `data` is the stored form with token secrets; the other columns repeat what lists are
-- filtered and sorted by. Texts compare by bytes, as PocketBase's do.
CREATE SCHEMA IF NOT EXISTS hangar_collections;

CREATE TABLE hangar_collections.collections (
    "_rowid_" bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    "id" text COLLATE "C" PRIMARY KEY,
    "name" text COLLATE "C" NOT NULL,
    "type" text COLLATE "C" NOT NULL,
    "system" boolean NOT NULL,
    "created" timestamptz(3) NOT NULL,
    "updated" timestamptz(3) NOT NULL,
    "data" json NOT NULL
);

CREATE UNIQUE INDEX collections_name ON hangar_collections.collections (lower("name"));

-- Settings and other single documents.
CREATE TABLE IF NOT EXISTS hangar_collections.params (
    "key" text COLLATE "C" PRIMARY KEY,
    "value" json NOT NULL
);
