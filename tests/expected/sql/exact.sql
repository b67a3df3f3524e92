-- What every independent check starts from: raw lines of reports, and how text becomes an exact number.
--
-- Shares nothing with costhost: numeric arithmetic of PostgreSQL on the text of the reports. Each file of this folder
-- makes tables in the schema `expected`, named as the tables they are compared with.
--
-- `expected.raw` holds each row of each CSV file as the text stands there, by the header's names. A column that a month
-- lacks is simply absent.
CREATE SCHEMA expected;

CREATE TABLE expected.raw (
    billing_period_start date NOT NULL,
    line jsonb NOT NULL
);

-- What the operator set: a percentage, and the keys that are left out of tags. All keys count where there is no list.
CREATE TABLE expected.setting (
    markup_percent numeric NOT NULL,
    enabled_tag_keys text[],
    disabled_tag_keys text[] NOT NULL
);

-- The lake holds 18 decimals, the last one rounded half to even; `round` would round half away from zero.
CREATE FUNCTION expected.at_18_decimals(exact numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE
    WHEN abs(exact - trunc(exact, 18)) = 5e-19 AND mod(trunc(exact, 18) * 1e18, 2) = 0 THEN trunc(exact, 18)
    ELSE round(exact, 18)
END;

-- Null where there is no number: such a cell is set aside.
CREATE FUNCTION expected.amount(cell text) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE
    WHEN cell ~ '^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$' THEN expected.at_18_decimals(cell::numeric)
END;

-- Distinct texts without the empty one, in the order of their bytes.
CREATE FUNCTION expected.members(texts text[]) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(array_agg(DISTINCT member COLLATE "C" ORDER BY member COLLATE "C"), '{}')
    FROM unnest(texts) AS member
    WHERE member <> ''
);

-- The members of several lists.
CREATE AGGREGATE expected.union_of(text[]) (
    SFUNC = array_cat,
    STYPE = text[],
    INITCOND = '{}',
    FINALFUNC = expected.members
);
