-- Lines of an AWS Cost and Usage Report (version 1, slash headers), typed, with the shares of the amortized cost.
--
-- The names of columns are compared without regard to case, as the reports' writers do not agree on it. Keys of tags and
-- cost categories keep theirs.
CREATE TABLE expected.aws_line AS
-- (Materialized: each cell is otherwise looked for anew wherever it is named.)
WITH cell AS MATERIALIZED (
    SELECT
        raw.billing_period_start,
        (
            SELECT jsonb_object_agg(lower(cell.key), cell.value)
            FROM jsonb_each_text(raw.line) AS cell
            WHERE cell.value <> ''
        ) AS cells,
        (
            SELECT jsonb_object_agg(substr(cell.key, length('resourceTags/user:') + 1), cell.value)
            FROM jsonb_each_text(raw.line) AS cell
            WHERE cell.value <> '' AND starts_with(lower(cell.key), 'resourcetags/user:')
        ) AS user_tags,
        (
            SELECT jsonb_object_agg(substr(cell.key, length('costCategory/') + 1), cell.value)
            FROM jsonb_each_text(raw.line) AS cell
            WHERE cell.value <> '' AND starts_with(lower(cell.key), 'costcategory/')
        ) AS categories
    FROM expected.raw
), typed AS MATERIALIZED (
    SELECT
        billing_period_start,
        cells ->> 'bill/billtype' AS bill_type,
        cells ->> 'bill/payeraccountid' AS payer_account_id,
        cells ->> 'bill/invoiceid' AS invoice_id,
        cells ->> 'bill/billingentity' AS billing_entity,
        (cells ->> 'bill/billingperiodstartdate')::timestamptz AS period_start,
        (cells ->> 'bill/billingperiodenddate')::timestamptz AS period_end,
        (cells ->> 'lineitem/usagestartdate')::timestamptz AS started_at,
        cells ->> 'lineitem/usageaccountid' AS usage_account_id,
        cells ->> 'lineitem/lineitemtype' AS line_type,
        cells ->> 'lineitem/operation' AS operation,
        cells ->> 'lineitem/productcode' AS line_product_code,
        cells ->> 'product/productname' AS product_name,
        cells ->> 'product/productfamily' AS product_family,
        cells ->> 'lineitem/availabilityzone' AS availability_zone,
        coalesce(cells ->> 'product/region', cells ->> 'product/regioncode') AS region,
        cells ->> 'product/instancetype' AS instance_type,
        cells ->> 'pricing/unit' AS unit,
        cells ->> 'lineitem/currencycode' AS currency_code,
        cells ->> 'lineitem/resourceid' AS resource_id,
        coalesce(user_tags, '{}') AS user_tags,
        coalesce(categories, '{}') AS cost_category,
        cells ->> 'lineitem/unblendedcost' AS unblended_text,
        expected.amount(cells ->> 'lineitem/usageamount') AS usage_amount,
        expected.amount(cells ->> 'lineitem/normalizationfactor') AS normalization_factor,
        expected.amount(cells ->> 'lineitem/normalizedusageamount') AS normalized_usage_amount,
        expected.amount(cells ->> 'lineitem/unblendedrate') AS unblended_rate,
        expected.amount(cells ->> 'lineitem/unblendedcost') AS unblended_cost,
        expected.amount(cells ->> 'lineitem/blendedrate') AS blended_rate,
        expected.amount(cells ->> 'lineitem/blendedcost') AS blended_cost,
        expected.amount(cells ->> 'lineitem/netunblendedcost') AS net_unblended_cost,
        expected.amount(cells ->> 'pricing/publicondemandcost') AS public_on_demand_cost,
        expected.amount(cells ->> 'pricing/publicondemandrate') AS public_on_demand_rate,
        cells ->> 'savingsplan/savingsplanarn' AS plan_arn,
        (cells ->> 'savingsplan/starttime')::timestamptz AS plan_started_at,
        expected.amount(cells ->> 'savingsplan/savingsplaneffectivecost') AS plan_effective,
        expected.amount(cells ->> 'savingsplan/netsavingsplaneffectivecost') AS net_plan_effective,
        expected.amount(cells ->> 'savingsplan/totalcommitmenttodate') AS plan_commitment,
        expected.amount(cells ->> 'savingsplan/usedcommitment') AS plan_used,
        expected.amount(cells ->> 'savingsplan/amortizedupfrontcommitmentforbillingperiod') AS plan_upfront,
        cells ->> 'reservation/reservationarn' AS reservation_arn,
        expected.amount(cells ->> 'reservation/effectivecost') AS ri_effective,
        expected.amount(cells ->> 'reservation/neteffectivecost') AS net_ri_effective,
        expected.amount(cells ->> 'reservation/amortizedupfrontfeeforbillingperiod') AS ri_upfront,
        expected.amount(cells ->> 'reservation/unusedamortizedupfrontfeeforbillingperiod') AS ri_unused_upfront,
        expected.amount(cells ->> 'reservation/netunusedamortizedupfrontfeeforbillingperiod') AS net_ri_unused_upfront,
        expected.amount(cells ->> 'reservation/unusedrecurringfee') AS ri_unused_recurring,
        expected.amount(cells ->> 'reservation/netunusedrecurringfee') AS net_ri_unused_recurring
    FROM cell
), accounted AS (
    -- How a line's money is accounted for. `amortized` lines have a rule below; the rest cost what they cost.
    SELECT
        typed.*,
        CASE
            WHEN line_type = 'SavingsPlanCoveredUsage' THEN 'plan covered'
            WHEN line_type = 'SavingsPlanRecurringFee' THEN 'plan unused'
            WHEN line_type = 'SavingsPlanNegation' THEN 'nothing'
            WHEN line_type = 'SavingsPlanUpfrontFee' THEN 'upfront'
            WHEN line_type = 'DiscountedUsage' THEN 'reserved'
            WHEN line_type = 'RIFee' THEN 'reservation unused'
            WHEN line_type = 'Fee' AND reservation_arn IS NOT NULL THEN 'upfront'
            -- A savings plan can be returned for seven days. What was paid at its start comes back.
            WHEN line_type = 'Refund' AND plan_arn IS NOT NULL
                AND started_at - plan_started_at BETWEEN interval '0' AND interval '168 hours' THEN 'upfront'
            ELSE 'as billed'
        END AS accounting
    FROM typed
    -- A line without a time belongs to no day, and one whose money cannot be read does not count.
    WHERE started_at IS NOT NULL AND (unblended_text IS NULL OR unblended_cost IS NOT NULL)
)
SELECT
    accounted.*,
    CASE
        WHEN line_type IN (
            'SavingsPlanCoveredUsage', 'SavingsPlanNegation', 'SavingsPlanUpfrontFee', 'SavingsPlanRecurringFee'
        ) THEN coalesce(plan_effective, 0)
        ELSE coalesce(unblended_cost, 0)
    END AS calculated_amortized_cost,
    CASE accounting
        WHEN 'plan covered' THEN coalesce(plan_effective, 0)
        WHEN 'plan unused' THEN coalesce(plan_commitment, 0) - coalesce(plan_used, 0)
        WHEN 'reserved' THEN coalesce(ri_effective, 0)
        WHEN 'reservation unused' THEN coalesce(ri_unused_upfront, 0) + coalesce(ri_unused_recurring, 0)
        WHEN 'as billed' THEN coalesce(unblended_cost, 0)
        ELSE 0
    END AS amortized_cost,
    CASE accounting
        WHEN 'plan unused' THEN -coalesce(plan_upfront, 0)
        WHEN 'reservation unused' THEN -coalesce(ri_upfront, 0)
        ELSE 0
    END AS trueup_cost,
    CASE accounting WHEN 'upfront' THEN coalesce(unblended_cost, 0) ELSE 0 END AS upfront_cost,
    -- Where the net column of a line is empty, the line had no private discount: it costs what it costs without.
    CASE accounting
        WHEN 'plan covered' THEN coalesce(net_plan_effective, plan_effective, 0)
        WHEN 'plan unused' THEN coalesce(plan_commitment, 0) - coalesce(plan_used, 0)
        WHEN 'reserved' THEN coalesce(net_ri_effective, ri_effective, 0)
        WHEN 'reservation unused' THEN coalesce(net_ri_unused_upfront, ri_unused_upfront, 0)
            + coalesce(net_ri_unused_recurring, ri_unused_recurring, 0)
        WHEN 'as billed' THEN coalesce(net_unblended_cost, unblended_cost, 0)
        ELSE 0
    END AS net_amortized_cost,
    coalesce(
        net_unblended_cost, net_plan_effective, net_ri_effective, net_ri_unused_upfront, net_ri_unused_recurring
    ) IS NOT NULL AS has_net
FROM accounted;
