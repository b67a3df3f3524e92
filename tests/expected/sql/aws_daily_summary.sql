-- The daily summary of AWS lines, every column. Sums are null where no line has a value; markups are taken of the sum.
CREATE TABLE expected.reporting_awscostentrylineitem_daily_summary AS
WITH line AS (
    SELECT
        aws_line.*,
        (started_at AT TIME ZONE 'UTC')::date AS usage_start,
        CASE
            WHEN billing_entity = 'AWS Marketplace' THEN coalesce(product_name, line_product_code)
            ELSE line_product_code
        END AS product_code,
        (
            SELECT coalesce(jsonb_object_agg(tag.key, tag.value), '{}')
            FROM jsonb_each(user_tags) AS tag, expected.setting
            WHERE (setting.enabled_tag_keys IS NULL OR tag.key = ANY (setting.enabled_tag_keys))
                AND tag.key <> ALL (setting.disabled_tag_keys)
        ) AS tags
    FROM expected.aws_line
    -- Split cost allocation repeats costs that other lines hold.
    WHERE operation IS NULL OR operation NOT IN ('EKSPod-EC2', 'ECSTask-EC2')
), net AS (
    SELECT billing_period_start, bool_or(has_net) AS known FROM line GROUP BY billing_period_start
), grouped AS (
    SELECT
        billing_period_start,
        usage_start, usage_start AS usage_end, usage_account_id, product_code, product_family, availability_zone, region,
        instance_type, unit, tags, cost_category, currency_code,
        expected.members(array_agg(resource_id)) AS resource_ids,
        max(normalization_factor) AS normalization_factor,
        max(unblended_rate) AS unblended_rate,
        max(blended_rate) AS blended_rate,
        max(public_on_demand_rate) AS public_on_demand_rate,
        sum(CASE WHEN line_type = 'SavingsPlanNegation' THEN 0 * usage_amount ELSE usage_amount END) AS usage_amount,
        sum(normalized_usage_amount) AS normalized_usage_amount,
        sum(unblended_cost) AS unblended_cost,
        sum(blended_cost) AS blended_cost,
        sum(plan_effective) AS savingsplan_effective_cost,
        sum(public_on_demand_cost) AS public_on_demand_cost,
        sum(calculated_amortized_cost) AS calculated_amortized_cost,
        sum(amortized_cost) AS amortized_cost,
        sum(trueup_cost) AS trueup_cost,
        sum(upfront_cost) AS upfront_cost,
        sum(coalesce(net_unblended_cost, unblended_cost, 0)) AS net_unblended,
        sum(net_amortized_cost) AS net_amortized
    FROM line
    GROUP BY
        billing_period_start, usage_start, usage_account_id, product_code, product_family, availability_zone, region,
        instance_type, unit, tags, cost_category, currency_code
)
SELECT
    billing_period_start,
    usage_start, usage_end, usage_account_id, product_code, product_family, availability_zone, region, instance_type,
    unit, tags, cost_category, currency_code, resource_ids,
    cardinality(resource_ids)::bigint AS resource_count,
    normalization_factor, unblended_rate, blended_rate, public_on_demand_rate, usage_amount, normalized_usage_amount,
    unblended_cost, blended_cost, savingsplan_effective_cost, public_on_demand_cost, calculated_amortized_cost,
    amortized_cost, trueup_cost, upfront_cost,
    CASE WHEN net.known THEN net_unblended END AS net_unblended_cost,
    CASE WHEN net.known THEN net_amortized END AS net_amortized_cost,
    expected.at_18_decimals(unblended_cost * markup_percent * 0.01) AS markup_cost,
    expected.at_18_decimals(blended_cost * markup_percent * 0.01) AS markup_cost_blended,
    expected.at_18_decimals(savingsplan_effective_cost * markup_percent * 0.01) AS markup_cost_savingsplan,
    expected.at_18_decimals(calculated_amortized_cost * markup_percent * 0.01) AS markup_cost_amortized,
    NULL::bigint AS account_alias_id,
    NULL::bigint AS organizational_unit_id
FROM grouped
JOIN net USING (billing_period_start)
CROSS JOIN expected.setting;
