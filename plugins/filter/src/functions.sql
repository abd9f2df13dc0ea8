-- Functions that compiled filters call. Applying this text again is harmless.
CREATE SCHEMA IF NOT EXISTS hangar_fn;

-- The text SQLite gives a number of a column: whole numbers without fraction, `1.0e+20`.
CREATE OR REPLACE FUNCTION hangar_fn.number_text(n double precision) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE WHEN n = trunc(n) AND abs(n) < 9.2e18 THEN n::bigint::text
    ELSE regexp_replace(n::text, '^(-?\d+)e', '\1.0e') END
$$;

-- The text SQLite gives a number that is no column's: always with fraction, `7.0`.
CREATE OR REPLACE FUNCTION hangar_fn.real_text(n double precision) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE WHEN n = trunc(n) AND abs(n) < 1e15 THEN n::bigint::text || '.0'
    ELSE regexp_replace(n::text, '^(-?\d+)e', '\1.0e') END
$$;

-- PocketBase's date text, e.g. `2024-01-02 03:04:05.678Z`.
CREATE OR REPLACE FUNCTION hangar_fn.date_text(t timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS"Z"')
$$;

-- JSON text without spaces, as Go writes it: keys in alphabetical order, an exponent below 1e-6 and from 1e21.
CREATE OR REPLACE FUNCTION hangar_fn.json_text(j jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  RETURN CASE jsonb_typeof(j)
    WHEN 'object' THEN '{' || coalesce((SELECT string_agg(to_jsonb(key)::text || ':' || hangar_fn.json_text(value), ',' ORDER BY key COLLATE "C") FROM jsonb_each(j)), '') || '}'
    WHEN 'array' THEN '[' || coalesce((SELECT string_agg(hangar_fn.json_text(value), ',' ORDER BY ord) FROM jsonb_array_elements(j) WITH ORDINALITY AS e(value, ord)), '') || ']'
    WHEN 'number' THEN CASE
      WHEN j::numeric = 0 OR abs(j::numeric) >= 1e-6 AND abs(j::numeric) < 1e21 THEN trim_scale(j::numeric)::text
      WHEN abs(j::numeric) < 1e308 THEN replace(j::float8::text, 'e-0', 'e-')
      ELSE j::text END
    ELSE j::text
  END;
END
$$;

-- The text of a geoPoint.
CREATE OR REPLACE FUNCTION hangar_fn.point_text(j jsonb) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT '{"lon":' || coalesce(j ->> 'lon', '0') || ',"lat":' || coalesce(j ->> 'lat', '0') || '}'
$$;

-- A JSON value as SQLite extracts it: number, string or NULL; booleans as 1 and 0, lists and objects as their text.
CREATE OR REPLACE FUNCTION hangar_fn.json_scalar(j jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE jsonb_typeof(j)
    WHEN 'null' THEN NULL
    WHEN 'boolean' THEN to_jsonb(j::boolean::int)
    WHEN 'number' THEN j
    WHEN 'string' THEN j
    ELSE to_jsonb(hangar_fn.json_text(j))
  END
$$;

-- Numeric affinity: a string that looks like a number becomes one.
CREATE OR REPLACE FUNCTION hangar_fn.to_numeric(j jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE WHEN jsonb_typeof(j) = 'string' AND (j #>> '{}') ~ '^\s*[+-]?(\d{1,250}(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*$'
    THEN to_jsonb((j #>> '{}')::numeric) ELSE j END
$$;

-- The number of a scalar, NULL if it is none.
CREATE OR REPLACE FUNCTION hangar_fn.to_number(j jsonb) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE WHEN jsonb_typeof(j) = 'number' THEN
    CASE WHEN abs(j::numeric) < 1e308 THEN j::float8 END END
$$;

-- Order of two scalars as -1, 0 or 1: numbers before strings, strings by bytes.
CREATE OR REPLACE FUNCTION hangar_fn.compare(a jsonb, b jsonb) RETURNS int
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE
    WHEN jsonb_typeof(a) = 'number' AND jsonb_typeof(b) = 'number' THEN sign(a::numeric - b::numeric)::int
    WHEN jsonb_typeof(a) = 'number' THEN -1
    WHEN jsonb_typeof(b) = 'number' THEN 1
    WHEN (a #>> '{}') COLLATE "C" < (b #>> '{}') COLLATE "C" THEN -1
    WHEN (a #>> '{}') COLLATE "C" > (b #>> '{}') COLLATE "C" THEN 1
    ELSE 0
  END
$$;

-- Kilometres between two points (degrees) on a sphere with the Earth's mean radius.
CREATE OR REPLACE FUNCTION hangar_fn.geo_distance(lon_a double precision, lat_a double precision, lon_b double precision, lat_b double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT 6371 * acos(least(1, greatest(-1,
    cos(radians(lat_a)) * cos(radians(lat_b)) * cos(radians(lon_b) - radians(lon_a)) + sin(radians(lat_a)) * sin(radians(lat_b)))))
$$;

-- A moment out of an SQLite time value: a date or time text, a Julian day or `now`. NULL if it is none.
CREATE OR REPLACE FUNCTION hangar_fn.sqlite_time(value text, unit text) RETURNS timestamp
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE AS $$
DECLARE
  p text[];
  n double precision;
  t timestamp;
BEGIN
  IF lower(value) = 'now' THEN
    RETURN date_trunc('milliseconds', now() AT TIME ZONE 'UTC');
  END IF;
  IF value ~ '^\s*[+-]?(\d{1,12}(\.\d{0,20})?|\.\d{1,20})([eE][+-]?\d{1,2})?\s*$' THEN
    n := value::double precision;
    IF unit = 'unixepoch' OR (unit = 'auto' AND NOT n BETWEEN 0 AND 5373484.499999) THEN
      RETURN CASE WHEN n BETWEEN -62135596800 AND 253402300799 THEN timestamp '1970-01-01' + make_interval(secs => n) END;
    END IF;
    RETURN CASE WHEN n BETWEEN 0 AND 5373484.499999
      THEN timestamp '2000-01-01 12:00' + make_interval(secs => round(((n - 2451545) * 86400)::numeric, 3)::double precision) END;
  END IF;
  p := regexp_match(value, '^(?:(\d{4})-(\d\d)-(\d\d)(?:[ T]+(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?)?|(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?)\s*(?:[Zz]|([+-])(\d\d):(\d\d))?\s*$');
  IF p IS NULL OR unit IN ('unixepoch', 'julianday') THEN
    RETURN NULL;
  END IF;
  IF p[1] = '0000' OR p[2]::int NOT BETWEEN 1 AND 12 OR p[3]::int NOT BETWEEN 1 AND 31 OR coalesce(p[4], p[8], '0')::int > 24
    OR coalesce(p[5], p[9], '0')::int > 59 OR coalesce(p[6], p[10], '0')::int > 59 OR p[13]::int > 14 OR p[14]::int > 59 THEN
    RETURN NULL;
  END IF;
  -- Days past the end of a month run over into the next.
  t := make_date(coalesce(p[1], '2000')::int, coalesce(p[2], '1')::int, 1) + make_interval(
    days => coalesce(p[3], '1')::int - 1,
    hours => coalesce(p[4], p[8], '0')::int,
    mins => coalesce(p[5], p[9], '0')::int,
    secs => round((coalesce(p[6], p[10], '0') || coalesce(p[7], p[11], ''))::numeric, 3)::double precision);
  IF p[12] IS NOT NULL THEN
    t := t - make_interval(hours => (p[12] || p[13])::int, mins => (p[12] || p[14])::int);
  END IF;
  RETURN t;
END
$$;

-- A moment some months away. Days past the end of the month run over into the next, unless `floor`.
CREATE OR REPLACE FUNCTION hangar_fn.sqlite_months(t timestamp, months int, floor boolean) RETURNS timestamp
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE WHEN floor THEN t + make_interval(months => months)
    ELSE date_trunc('month', t) + make_interval(months => months) + (t - date_trunc('month', t)) END
$$;

-- A moment moved by one SQLite modifier (lower case); NULL if it is unknown. `floor`: the next modifier is that.
CREATE OR REPLACE FUNCTION hangar_fn.sqlite_modify(t timestamp, modifier text, floor boolean) RETURNS timestamp
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  p text[];
  n double precision;
  months int;
BEGIN
  -- The server's clock is UTC, so local time is the same.
  IF modifier IN ('utc', 'localtime', 'subsec', 'subsecond', 'ceiling', 'floor') THEN RETURN t; END IF;
  IF modifier = 'start of day' THEN RETURN date_trunc('day', t); END IF;
  IF modifier = 'start of month' THEN RETURN date_trunc('month', t); END IF;
  IF modifier = 'start of year' THEN RETURN date_trunc('year', t); END IF;
  IF modifier ~ '^weekday [0-6]$' THEN
    RETURN t + make_interval(days => (right(modifier, 1)::int - extract(dow FROM t)::int + 7) % 7);
  END IF;
  p := regexp_match(modifier, '^([+-]?\d{1,9}(?:\.\d{1,9})?) +(second|minute|hour|day|month|year)s?$');
  IF p IS NOT NULL THEN
    n := p[1]::double precision;
    IF p[2] IN ('month', 'year') THEN
      IF abs(n) > 120000 THEN RETURN NULL; END IF;
      months := trunc(n)::int * CASE p[2] WHEN 'year' THEN 12 ELSE 1 END;
      -- Fractions count 30 and 365 days.
      RETURN hangar_fn.sqlite_months(t, months, floor)
        + make_interval(secs => (n - trunc(n)) * CASE p[2] WHEN 'year' THEN 365 ELSE 30 END * 86400);
    END IF;
    RETURN t + make_interval(secs => n * CASE p[2] WHEN 'second' THEN 1 WHEN 'minute' THEN 60 WHEN 'hour' THEN 3600 ELSE 86400 END);
  END IF;
  p := regexp_match(modifier, '^([+-])(\d{4})-(\d\d)-(\d\d)(?:[ t](\d\d):(\d\d)(?::(\d\d(?:\.\d{1,9})?))?)?$');
  IF p IS NOT NULL THEN
    IF p[3]::int > 11 OR p[4]::int > 30 OR p[5]::int > 24 OR p[6]::int > 59 THEN RETURN NULL; END IF;
    RETURN hangar_fn.sqlite_months(t, (p[1] || '1')::int * (p[2]::int * 12 + p[3]::int), floor)
      + (p[1] || '1')::int * make_interval(days => p[4]::int, hours => coalesce(p[5], '0')::int, mins => coalesce(p[6], '0')::int,
        secs => coalesce(p[7], '0')::double precision);
  END IF;
  p := regexp_match(modifier, '^([+-]?)(\d\d):(\d\d)(?::(\d\d(?:\.\d{1,9})?))?$');
  IF p IS NOT NULL THEN
    RETURN t + make_interval(secs => (p[1] || '1')::int * (p[2]::int * 3600 + p[3]::int * 60 + coalesce(p[4], '0')::double precision));
  END IF;
  RETURN NULL;
END
$$;

-- SQLite's strftime. NULL for a time value, modifier or letter it does not know.
CREATE OR REPLACE FUNCTION hangar_fn.strftime(format text, value text, modifiers text[]) RETURNS text
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE AS $$
DECLARE
  t timestamp;
  unit text := '';
  result text := '';
  letter text;
  piece text;
  i int := 1;
BEGIN
  IF lower(modifiers[1]) IN ('unixepoch', 'julianday', 'auto') THEN
    unit := lower(modifiers[1]);
    modifiers := modifiers[2:];
  END IF;
  t := hangar_fn.sqlite_time(value, unit);
  FOR n IN 1 .. coalesce(array_length(modifiers, 1), 0) LOOP
    t := hangar_fn.sqlite_modify(t, lower(modifiers[n]), coalesce(lower(modifiers[n + 1]) = 'floor', false));
  END LOOP;
  IF t IS NULL OR t >= timestamp '10000-01-01' THEN
    RETURN NULL;
  END IF;
  WHILE i <= length(format) LOOP
    letter := substr(format, i, 1);
    i := i + 1;
    IF letter <> '%' THEN
      result := result || letter;
      CONTINUE;
    END IF;
    letter := substr(format, i, 1);
    i := i + 1;
    piece := CASE letter
      WHEN 'd' THEN to_char(t, 'DD')
      WHEN 'e' THEN lpad(extract(day FROM t)::text, 2)
      WHEN 'f' THEN to_char(t, 'SS.MS')
      WHEN 'F' THEN to_char(t, 'YYYY-MM-DD')
      WHEN 'g' THEN to_char(t, 'IY')
      WHEN 'G' THEN to_char(t, 'IYYY')
      WHEN 'H' THEN to_char(t, 'HH24')
      WHEN 'I' THEN to_char(t, 'HH12')
      WHEN 'j' THEN to_char(t, 'DDD')
      WHEN 'J' THEN (2451545 + extract(epoch FROM t - timestamp '2000-01-01 12:00')::double precision / 86400)::text
      WHEN 'k' THEN lpad(extract(hour FROM t)::text, 2)
      WHEN 'l' THEN lpad(to_char(t, 'FMHH12'), 2)
      WHEN 'm' THEN to_char(t, 'MM')
      WHEN 'M' THEN to_char(t, 'MI')
      WHEN 'p' THEN to_char(t, 'AM')
      WHEN 'P' THEN to_char(t, 'am')
      WHEN 'R' THEN to_char(t, 'HH24:MI')
      WHEN 's' THEN floor(extract(epoch FROM t))::bigint::text
      WHEN 'S' THEN to_char(t, 'SS')
      WHEN 'T' THEN to_char(t, 'HH24:MI:SS')
      WHEN 'u' THEN extract(isodow FROM t)::text
      WHEN 'U' THEN lpad(((extract(doy FROM t)::int + 6 - extract(dow FROM t)::int) / 7)::text, 2, '0')
      WHEN 'V' THEN to_char(t, 'IW')
      WHEN 'w' THEN extract(dow FROM t)::text
      WHEN 'W' THEN lpad(((extract(doy FROM t)::int + 7 - extract(isodow FROM t)::int) / 7)::text, 2, '0')
      -- PostgreSQL has no year 0: 1 BC is it.
      WHEN 'Y' THEN CASE WHEN t >= timestamp '0001-01-01' THEN to_char(t, 'YYYY')
        ELSE CASE WHEN t < timestamp '0001-01-01 BC' THEN '-' ELSE '' END || lpad((-1 - extract(year FROM t)::int)::text, 4, '0') END
      WHEN '%' THEN '%'
    END;
    IF piece IS NULL THEN
      RETURN NULL;
    END IF;
    result := result || piece;
  END LOOP;
  RETURN result;
END
$$;
