-- All tables of Tally, the provider that is made up, from the text of its reports. The teams are looked up in the table
-- that stands on the search path behind `expected`.
CREATE TABLE expected.tally_line AS
SELECT
    billing_period_start,
    (line ->> 'day')::date AS day,
    nullif(line ->> 'team', '') AS team,
    nullif(line ->> 'department', '') AS department,
    nullif(line ->> 'project', '') AS project,
    nullif(line ->> 'service', '') AS service,
    expected.amount(line ->> 'seats') AS seats,
    expected.amount(line ->> 'cost') AS cost,
    nullif(line ->> 'currency', '') AS currency,
    -- Labels are texts, whatever JSON they were written as, and those without a value do not count.
    (
        SELECT coalesce(jsonb_object_agg(label.key, label.value), '{}')
        FROM jsonb_each_text(nullif(line ->> 'labels', '')::jsonb) AS label
        WHERE label.value <> ''
    ) AS labels,
    nullif(line ->> 'invoice', '') AS invoice
FROM expected.raw
-- A line without a day, or whose cost is no number, does not count.
WHERE line ->> 'day' <> ''
    AND (coalesce(line ->> 'cost', '') = '' OR expected.amount(line ->> 'cost') IS NOT NULL);

CREATE TABLE expected.tally_daily_costs AS
SELECT
    billing_period_start, day, team, service, enabled.labels, currency,
    expected.members(array_agg(project)) AS projects,
    sum(seats) AS seats,
    sum(cost) AS cost,
    (SELECT tally_teams.id FROM tally_teams WHERE tally_teams.team = line.team) AS team_id
FROM expected.tally_line AS line
CROSS JOIN expected.setting
CROSS JOIN LATERAL (SELECT line.labels - setting.disabled_tag_keys AS labels) AS enabled
GROUP BY billing_period_start, day, team, service, enabled.labels, currency;

CREATE TABLE expected.tally_bills AS
SELECT
    billing_period_start::timestamp AT TIME ZONE 'UTC' AS period_start,
    (billing_period_start + interval '1 month') AT TIME ZONE 'UTC' AS period_end,
    expected.members(array_agg(invoice)) AS invoices,
    count(*) AS lines
FROM expected.tally_line
GROUP BY billing_period_start;

CREATE TABLE expected.tally_label_keys AS
SELECT DISTINCT label.key FROM expected.tally_line, jsonb_object_keys(labels) AS label (key);

CREATE TABLE expected.tally_teams AS
SELECT team, max(department COLLATE "C") AS department
FROM expected.tally_line
WHERE team IS NOT NULL AND department IS NOT NULL
GROUP BY team;

CREATE TABLE expected.tally_data_costs AS
SELECT
    billing_period_start, day, team, currency,
    sum(cost) AS cost,
    sum(seats) AS seats,
    expected.union_of(projects) AS projects,
    cardinality(expected.union_of(projects))::bigint AS project_count,
    max(service COLLATE "C") AS service,
    team_id
FROM expected.tally_daily_costs
WHERE (service IN ('Warehouse', 'Lake') OR service ILIKE '%database%') AND team IS NOT NULL
GROUP BY billing_period_start, day, team, currency, team_id;

CREATE TABLE expected.tally_label_costs AS
SELECT
    billing_period_start, day, label.key, label.value, currency,
    sum(cost) AS cost,
    expected.members(array_agg(team)) AS teams
FROM expected.tally_daily_costs, jsonb_each_text(labels) AS label
GROUP BY billing_period_start, day, label.key, label.value, currency;
