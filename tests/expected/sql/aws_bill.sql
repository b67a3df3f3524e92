-- What the bills of AWS lines say of themselves, and the keys of the tags in them.
CREATE TABLE expected.reporting_awscostentrybill AS
SELECT
    line.billing_period_start::timestamp AT TIME ZONE 'UTC' AS billing_period_start,
    max(line.period_end) AS billing_period_end,
    coalesce(
        max(line.bill_type) FILTER (WHERE line.bill_type = 'Anniversary'), min(line.bill_type COLLATE "C")
    ) AS bill_type,
    min(line.payer_account_id COLLATE "C") AS payer_account_id,
    expected.members(array_agg(line.invoice_id)) AS invoice_ids
FROM expected.aws_line AS line
GROUP BY line.billing_period_start;

CREATE TABLE expected.reporting_enabledtagkeys AS
SELECT DISTINCT tag.key, 'AWS' AS provider_type
FROM expected.aws_line, jsonb_object_keys(user_tags) AS tag (key);
