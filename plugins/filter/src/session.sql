-- What policies know of the request: `hangar.auth` and `hangar.request`, set for a transaction with set_config.
CREATE OR REPLACE FUNCTION hangar_fn.auth_id() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT nullif(nullif(current_setting('hangar.auth', true), '')::jsonb ->> 'id', '')
$$;

CREATE OR REPLACE FUNCTION hangar_fn.auth_collection() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT nullif(current_setting('hangar.auth', true), '')::jsonb ->> 'collection'
$$;

CREATE OR REPLACE FUNCTION hangar_fn.request(place text[]) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT nullif(current_setting('hangar.request', true), '')::jsonb #> place
$$;

CREATE OR REPLACE FUNCTION hangar_fn.has_request() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT coalesce(current_setting('hangar.request', true), '') <> ''
$$;

-- Which of the two rules for reading applies: `view`, else the one of lists.
CREATE OR REPLACE FUNCTION hangar_fn.views() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT coalesce(current_setting('hangar.action', true), '') = 'view'
$$;

-- Date macros. The clock is the transaction's, unless the request says otherwise.
CREATE OR REPLACE FUNCTION hangar_fn.utc() RETURNS timestamp
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT date_trunc('milliseconds', coalesce((hangar_fn.request('{now}') #>> '{}')::timestamptz, now()) AT TIME ZONE 'UTC')
$$;

CREATE OR REPLACE FUNCTION hangar_fn.clock(name text) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT CASE name
    WHEN '@now' THEN t
    WHEN '@yesterday' THEN t - interval '1 day'
    WHEN '@tomorrow' THEN t + interval '1 day'
    WHEN '@todayStart' THEN date_trunc('day', t)
    WHEN '@todayEnd' THEN date_trunc('day', t) + interval '1 day' - interval '1 millisecond'
    WHEN '@monthStart' THEN date_trunc('month', t)
    WHEN '@monthEnd' THEN date_trunc('month', t) + interval '1 month' - interval '1 millisecond'
    WHEN '@yearStart' THEN date_trunc('year', t)
    WHEN '@yearEnd' THEN date_trunc('year', t) + interval '1 year' - interval '1 millisecond'
  END AT TIME ZONE 'UTC' FROM hangar_fn.utc() AS t
$$;

CREATE OR REPLACE FUNCTION hangar_fn.clock_part(name text) RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT CASE name
    WHEN '@second' THEN floor(extract(second FROM t))
    WHEN '@minute' THEN extract(minute FROM t)
    WHEN '@hour' THEN extract(hour FROM t)
    WHEN '@day' THEN extract(day FROM t)
    WHEN '@month' THEN extract(month FROM t)
    WHEN '@weekday' THEN extract(dow FROM t)
    WHEN '@year' THEN extract(year FROM t)
  END::double precision FROM hangar_fn.utc() AS t
$$;

-- The text a submitted value has within `~`, and in comparison with a text column.
CREATE OR REPLACE FUNCTION hangar_fn.any_text(j jsonb) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE jsonb_typeof(j) WHEN 'number' THEN trim_scale(j::numeric)::text ELSE hangar_fn.json_scalar(j) #>> '{}' END
$$;

-- As a pattern true and false are words.
CREATE OR REPLACE FUNCTION hangar_fn.any_pattern(j jsonb) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE jsonb_typeof(j) WHEN 'boolean' THEN j::text ELSE hangar_fn.any_text(j) END
$$;

CREATE OR REPLACE FUNCTION hangar_fn.any_column_text(j jsonb) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE
    WHEN jsonb_typeof(j) <> 'number' THEN hangar_fn.any_text(j)
    WHEN j::numeric = trunc(j::numeric) AND abs(j::numeric) < 1e15 THEN trunc(j::numeric)::text || '.0'
    WHEN abs(j::numeric) < 1e308 THEN regexp_replace(j::float8::text, '^(-?\d+)e', '\1.0e')
    ELSE j::text
  END
$$;

-- The text of a submitted scalar on its own; lists, objects and null have an empty one.
CREATE OR REPLACE FUNCTION hangar_fn.any_word(j jsonb) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE jsonb_typeof(j)
    WHEN 'string' THEN j #>> '{}'
    WHEN 'number' THEN trim_scale(j::numeric)::text
    WHEN 'boolean' THEN j::text
    ELSE ''
  END
$$;

CREATE OR REPLACE FUNCTION hangar_fn.any_lower(j jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE jsonb_typeof(j) WHEN 'string' THEN to_jsonb(lower((j #>> '{}') COLLATE "C")) ELSE j END
$$;

-- The submitted values of a select, relation or file.
CREATE OR REPLACE FUNCTION hangar_fn.any_list(j jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  IF jsonb_typeof(j) = 'string' AND (j #>> '{}') LIKE '[%' THEN
    BEGIN
      j := (j #>> '{}')::jsonb;
    EXCEPTION WHEN invalid_text_representation THEN
      NULL;
    END;
  END IF;
  IF j IS NULL OR jsonb_typeof(j) <> 'array' THEN
    j := jsonb_build_array(j);
  END IF;
  RETURN (SELECT coalesce(jsonb_agg(e #>> '{}' ORDER BY n), '[]')
    FROM jsonb_array_elements(j) WITH ORDINALITY AS l(e, n) WHERE coalesce(e #>> '{}', '') <> '');
END
$$;

-- The LIKE pattern of a text: used as given if it has a `%` of its own, else escaped and searched for anywhere.
CREATE OR REPLACE FUNCTION hangar_fn.like_pattern(t text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE
    WHEN position('%' IN regexp_replace(t, '\\.', '', 'g')) = 0
      THEN '%' || regexp_replace(t, '\\([%_\\])|([%_\\])', '\\\1\2', 'g') || '%'
    -- Ends in a backslash that escapes nothing: matches nothing.
    WHEN regexp_replace(t, '\\.', '', 'g') LIKE '%\\' THEN U&'\FFFF'
    ELSE t
  END
$$;
