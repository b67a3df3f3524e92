-- The rollups of the AWS daily summary, and which values tags and cost categories have.
--
-- One statement per table is made from this list: what a table is grouped by, what it has beside the costs, and which
-- rows of the daily summary count.
DO $$
DECLARE
    usage text := ', sum(usage_amount) AS usage_amount, max(unit COLLATE "C") AS unit';
    resources text := ', expected.union_of(resource_ids) AS resource_ids'
        ', cardinality(expected.union_of(resource_ids))::bigint AS resource_count';
    storage text := $c$ product_family LIKE '%Storage%' AND unit = 'GB-Mo' $c$;
    network text := $c$ product_code IN (
        'AmazonVPC', 'AmazonCloudFront', 'AmazonRoute53', 'AmazonAPIGateway') $c$;
    databases text := $c$ product_code IN (
        'AmazonRDS', 'AmazonDynamoDB', 'AmazonElastiCache', 'AmazonNeptune', 'AmazonRedshift', 'AmazonDocumentDB') $c$;
    rollup record;
BEGIN
    FOR rollup IN
        SELECT * FROM (VALUES
            ('reporting_aws_cost_summary_p', '', '', 'true'),
            ('reporting_aws_cost_summary_by_account_p', ', usage_account_id', '', 'true'),
            ('reporting_aws_cost_summary_by_region_p', ', usage_account_id, region, availability_zone', '', 'true'),
            ('reporting_aws_cost_summary_by_service_p', ', usage_account_id, product_code, product_family', '', 'true'),
            ('reporting_aws_compute_summary_p', ', instance_type', usage || resources, 'instance_type IS NOT NULL'),
            ('reporting_aws_compute_summary_by_account_p', ', usage_account_id, instance_type', usage || resources,
                'instance_type IS NOT NULL'),
            ('reporting_aws_storage_summary_p', ', product_family', usage, storage),
            ('reporting_aws_storage_summary_by_account_p', ', usage_account_id, product_family', usage, storage),
            ('reporting_aws_network_summary_p', ', usage_account_id, product_code', usage, network),
            ('reporting_aws_database_summary_p', ', usage_account_id, product_code', usage, databases)
        ) AS listed (name, keys, also, counts)
    LOOP
        EXECUTE format($q$
            CREATE TABLE expected.%I AS
            SELECT
                billing_period_start, usage_start, usage_end, currency_code %s %s,
                sum(unblended_cost) AS unblended_cost,
                sum(blended_cost) AS blended_cost,
                sum(savingsplan_effective_cost) AS savingsplan_effective_cost,
                sum(calculated_amortized_cost) AS calculated_amortized_cost,
                sum(markup_cost) AS markup_cost,
                sum(markup_cost_blended) AS markup_cost_blended,
                sum(markup_cost_savingsplan) AS markup_cost_savingsplan,
                sum(markup_cost_amortized) AS markup_cost_amortized,
                sum(amortized_cost) AS amortized_cost
            FROM expected.reporting_awscostentrylineitem_daily_summary
            WHERE %s
            GROUP BY billing_period_start, usage_start, usage_end, currency_code %s
            $q$, rollup.name, rollup.keys, rollup.also, rollup.counts, rollup.keys);
        IF rollup.keys LIKE '%usage_account_id%' THEN
            EXECUTE format('ALTER TABLE expected.%I ADD account_alias_id bigint, ADD organizational_unit_id bigint',
                rollup.name);
        END IF;
    END LOOP;
END $$;

CREATE TABLE expected.reporting_awstags_summary AS
SELECT
    billing_period_start, entry.key, usage_account_id, expected.members(array_agg(entry.value)) AS "values",
    NULL::bigint AS account_alias_id
FROM expected.reporting_awscostentrylineitem_daily_summary, jsonb_each_text(tags) AS entry
GROUP BY billing_period_start, entry.key, usage_account_id;

CREATE TABLE expected.reporting_awscategory_summary AS
SELECT
    billing_period_start, entry.key, usage_account_id, expected.members(array_agg(entry.value)) AS "values",
    NULL::bigint AS account_alias_id
FROM expected.reporting_awscostentrylineitem_daily_summary, jsonb_each_text(cost_category) AS entry
GROUP BY billing_period_start, entry.key, usage_account_id;
