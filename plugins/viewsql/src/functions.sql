-- Functions that translated view queries call, beside those of filters. Applying this text again is harmless.
CREATE SCHEMA IF NOT EXISTS hangar_fn;

-- The text SQLite gives a real: always with a fraction.
CREATE OR REPLACE FUNCTION hangar_fn.real_text(n double precision) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE WHEN n = trunc(n) AND abs(n) < 1e15 THEN n::bigint::text || '.0'
    ELSE regexp_replace(n::text, '^(-?\d+)e', '\1.0e') END
$$;

-- The text of a jsonb scalar.
CREATE OR REPLACE FUNCTION hangar_fn.scalar_text(j jsonb) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE jsonb_typeof(j) WHEN 'null' THEN NULL WHEN 'boolean' THEN j::boolean::int::text
    WHEN 'number' THEN j #>> '{}' WHEN 'string' THEN j #>> '{}' ELSE hangar_fn.json_text(j) END
$$;

-- The number a text begins with; 0 if there is none.
CREATE OR REPLACE FUNCTION hangar_fn.text_number(t text) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT coalesce(substring(t FROM '^\s*([+-]?(?:\d{1,250}(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,2})?)')::double precision, 0)
$$;

-- Whether a text is JSON.
CREATE OR REPLACE FUNCTION hangar_fn.json_valid(t text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  PERFORM t::jsonb;
  RETURN true;
EXCEPTION WHEN others THEN
  RETURN false;
END
$$;

-- A text as the value of a json field: what looks like JSON and is JSON is taken as JSON.
CREATE OR REPLACE FUNCTION hangar_fn.shown_text(t text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF t IN ('null', 'true', 'false') OR t ~ '^[-0-9"\[{]' THEN
    BEGIN
      RETURN t::jsonb;
    EXCEPTION WHEN others THEN
      NULL;
    END;
  END IF;
  RETURN to_jsonb(t);
END
$$;

-- The same for a jsonb scalar.
CREATE OR REPLACE FUNCTION hangar_fn.shown_scalar(j jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE WHEN jsonb_typeof(j) = 'string' THEN hangar_fn.shown_text(j #>> '{}') ELSE j END
$$;

-- SQLite's division of numbers of which whole ones are integers.
CREATE OR REPLACE FUNCTION hangar_fn.divide(a double precision, b double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE WHEN b = 0 THEN NULL WHEN a = trunc(a) AND b = trunc(b) THEN trunc(a / b) ELSE a / b END
$$;

-- The remainder of whole parts.
CREATE OR REPLACE FUNCTION hangar_fn.remainder(a double precision, b double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE WHEN trunc(b) = 0 OR abs(a) >= 9.2e18 OR abs(b) >= 9.2e18 THEN NULL
    ELSE mod(trunc(a)::bigint, trunc(b)::bigint)::double precision END
$$;

-- Halves are rounded away from zero.
CREATE OR REPLACE FUNCTION hangar_fn.round_half_up(n double precision, digits int) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE WHEN abs(n) >= 4.5e15 THEN n ELSE round(n::numeric, least(greatest(digits, 0), 30))::double precision END
$$;

-- SQLite's substr: a negative start counts from the end, a negative length takes what stands before.
CREATE OR REPLACE FUNCTION hangar_fn.substr(t text, start int, size int) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  total int := char_length(t);
  first int;
  past int;
BEGIN
  IF t IS NULL OR start IS NULL THEN RETURN NULL; END IF;
  first := CASE WHEN start < 0 THEN total + start + 1 ELSE start END;
  IF size IS NULL THEN
    past := total + 1;
  ELSIF size >= 0 THEN
    -- A start of 0 stands before the first letter and counts.
    past := least(first::bigint + size, total + 1)::int;
  ELSE
    past := first;
    first := greatest(first::bigint + size, 1)::int;
  END IF;
  first := greatest(first, 1);
  RETURN CASE WHEN past > first THEN substr(t, first, past - first) ELSE '' END;
END
$$;

-- The type of a JSON value in SQLite's words.
CREATE OR REPLACE FUNCTION hangar_fn.json_type(j jsonb) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE jsonb_typeof(j) WHEN 'string' THEN 'text' WHEN 'boolean' THEN j::text
    WHEN 'number' THEN CASE WHEN (j #>> '{}') ~ '[.eE]' THEN 'real' ELSE 'integer' END
    ELSE jsonb_typeof(j) END
$$;

-- The length of an array; 0 for anything else.
CREATE OR REPLACE FUNCTION hangar_fn.json_array_length(j jsonb) RETURNS int
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE jsonb_typeof(j) WHEN 'array' THEN jsonb_array_length(j) ELSE 0 END
$$;

-- SQLite's table json_each: the elements of an array or object, or the value itself.
CREATE OR REPLACE FUNCTION hangar_fn.json_each(j jsonb, root text)
RETURNS TABLE (key jsonb, value jsonb, type text, atom jsonb, id bigint, fullkey text, path text)
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 10 AS $$
  SELECT e.key, hangar_fn.json_scalar(e.value), hangar_fn.json_type(e.value),
    CASE WHEN jsonb_typeof(e.value) NOT IN ('array', 'object') THEN hangar_fn.json_scalar(e.value) END,
    e.id, root || e.step, root
  FROM (
    SELECT to_jsonb(a.ord - 1) AS key, a.value, a.ord AS id, '[' || (a.ord - 1) || ']' AS step
      FROM jsonb_array_elements(CASE jsonb_typeof(j) WHEN 'array' THEN j ELSE '[]'::jsonb END) WITH ORDINALITY AS a(value, ord)
    UNION ALL
    SELECT to_jsonb(o.key), o.value, o.ord,
      CASE WHEN o.key ~ '^[A-Za-z][A-Za-z0-9]*$' THEN '.' || o.key ELSE '."' || o.key || '"' END
      FROM jsonb_each(CASE jsonb_typeof(j) WHEN 'object' THEN j ELSE '{}'::jsonb END) WITH ORDINALITY AS o(key, value, ord)
    UNION ALL
    SELECT NULL, j, 1, '' WHERE jsonb_typeof(j) NOT IN ('array', 'object')
  ) AS e
$$;

-- SQLite's printf for %d %i %s %f %g %e %x %c %%, with flags, width and precision.
CREATE OR REPLACE FUNCTION hangar_fn.printf(format text, args jsonb[]) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  rest text := format;
  p text[];
  result text := '';
  piece text;
  n double precision;
  at int := 1;
  width int;
  digits int;
BEGIN
  IF format IS NULL THEN RETURN NULL; END IF;
  LOOP
    p := regexp_match(rest, '^(.*?)%([-+ 0,#]*)(\d{0,4})(?:\.(\d{1,3}))?([a-zA-Z%])(.*)$', 's');
    IF p IS NULL THEN RETURN result || rest; END IF;
    result := result || p[1];
    rest := p[6];
    IF p[5] = '%' THEN
      result := result || '%';
      CONTINUE;
    END IF;
    width := nullif(p[3], '')::int;
    digits := p[4]::int;
    n := CASE WHEN jsonb_typeof(args[at]) = 'number' THEN hangar_fn.to_number(args[at])
      ELSE coalesce(hangar_fn.text_number(hangar_fn.scalar_text(args[at])), 0) END;
    CASE lower(p[5])
      WHEN 'd', 'i', 'u' THEN piece := trunc(n)::bigint::text;
      WHEN 'f' THEN piece := round(n::numeric, least(coalesce(digits, 6), 30))::text;
      WHEN 'e' THEN piece := regexp_replace(to_char(n, '9.' || repeat('9', least(coalesce(digits, 6), 15)) || 'EEEE'), '^\s+', '');
      WHEN 'g' THEN piece := n::text;
      WHEN 'x' THEN piece := to_hex(trunc(n)::bigint);
      WHEN 's', 'z', 'q' THEN piece := coalesce(hangar_fn.scalar_text(args[at]), '');
        IF digits IS NOT NULL THEN piece := left(piece, digits); END IF;
      WHEN 'c' THEN piece := left(coalesce(hangar_fn.scalar_text(args[at]), ''), 1);
      ELSE RETURN NULL;
    END CASE;
    IF p[5] = 'X' THEN piece := upper(piece); END IF;
    at := at + 1;
    IF p[2] LIKE '%,%' AND lower(p[5]) IN ('d', 'i', 'u') THEN piece := trim(to_char(trunc(n), 'FM999,999,999,999,999,999')); END IF;
    IF p[2] LIKE '%+%' AND n >= 0 AND lower(p[5]) IN ('d', 'i', 'f') THEN piece := '+' || piece; END IF;
    IF width IS NOT NULL AND char_length(piece) < width THEN
      IF p[2] LIKE '%-%' THEN
        piece := rpad(piece, width);
      ELSIF p[2] LIKE '%0%' AND lower(p[5]) IN ('d', 'i', 'u', 'f', 'x') THEN
        piece := CASE WHEN piece ~ '^[-+]' THEN left(piece, 1) || lpad(substr(piece, 2), width - 1, '0') ELSE lpad(piece, width, '0') END;
      ELSE
        piece := lpad(piece, width);
      END IF;
    END IF;
    result := result || piece;
  END LOOP;
END
$$;
