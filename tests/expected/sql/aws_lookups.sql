-- Account aliases and organizational units, found in the reference tables as they stand on the search path behind
-- `expected`. Of several units that an account was in on a day, the one it joined last.
DO $$
DECLARE
    looking record;
BEGIN
    FOR looking IN
        SELECT
            quote_ident(table_name) AS name,
            bool_or(column_name = 'organizational_unit_id') AS by_unit
        FROM information_schema.columns
        WHERE table_schema = 'expected' AND column_name IN ('account_alias_id', 'organizational_unit_id')
        GROUP BY table_name
    LOOP
        EXECUTE format($q$
            UPDATE expected.%s AS looking
            SET account_alias_id = (
                SELECT alias.id FROM reporting_awsaccountalias AS alias
                WHERE alias.account_id = looking.usage_account_id
            )
            $q$, looking.name);
        CONTINUE WHEN NOT looking.by_unit;
        EXECUTE format($q$
            UPDATE expected.%s AS looking
            SET organizational_unit_id = (
                SELECT unit.id FROM reporting_awsorganizationalunit AS unit
                WHERE unit.account_alias_id = looking.account_alias_id
                    AND unit.created_timestamp <= looking.usage_start
                    AND (unit.deleted_timestamp IS NULL OR unit.deleted_timestamp > looking.usage_start)
                ORDER BY unit.created_timestamp DESC
                LIMIT 1
            )
            $q$, looking.name);
    END LOOP;
END $$;
