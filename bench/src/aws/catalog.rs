//! What the accounts of a generated report buy: a dozen services at rates close to the public ones.

use super::columns::Column;
use crate::amount::Amount;

/// Something on sale.
#[derive(Debug)]
pub(super) struct Offer {
    /// How often it is used, relative to the others.
    pub(super) weight: u64,
    pub(super) product_code: &'static str,
    pub(super) product_name: &'static str,
    pub(super) servicecode: &'static str,
    pub(super) family: &'static str,
    pub(super) usage_type: &'static str,
    pub(super) operation: &'static str,
    pub(super) unit: &'static str,
    pub(super) rate: Amount,
    /// Rate text for people, such as `$0.096 per Hr`.
    pub(super) description: &'static str,
    /// Quantities go from 1 to this, counted in 10^-`decimals` units.
    pub(super) most: u64,
    pub(super) decimals: u32,
    /// What resource ids begin with; empty when the line names no resource.
    pub(super) resource: &'static str,
    pub(super) instance: Option<Instance>,
    pub(super) attributes: &'static [(Column, &'static str)],
}

/// The instance behind an hour.
#[derive(Debug, Clone, Copy)]
pub(super) struct Instance {
    pub(super) kind: &'static str,
    pub(super) family: &'static str,
    /// Normalization factor, in hundredths.
    pub(super) factor: i64,
    pub(super) vcpu: &'static str,
    pub(super) memory: &'static str,
}

/// Where things run: code, prefix of usage types, name, zones.
pub(super) const REGIONS: [(&str, &str, &str, &str); 5] = [
    ("us-east-1", "", "US East (N. Virginia)", "abcd"),
    ("us-west-2", "USW2-", "US West (Oregon)", "abc"),
    ("eu-west-1", "EU-", "EU (Ireland)", "abc"),
    ("eu-central-1", "EUC1-", "EU (Frankfurt)", "abc"),
    ("ap-southeast-2", "APS2-", "Asia Pacific (Sydney)", "abc"),
];

pub(super) const APPS: [&str; 8] =
    ["web", "checkout", "search", "ledger", "batch", "ml-train", "data lake", "intranet"];
pub(super) const ENVIRONMENTS: [&str; 4] = ["prod", "staging", "dev", "Prod"];
pub(super) const TEAMS: [&str; 5] = ["Platform", "Payments", "Data", "Growth", "R&D, Zürich"];

const fn instance(
    kind: &'static str,
    family: &'static str,
    factor: i64,
    vcpu: &'static str,
    memory: &'static str,
) -> Option<Instance> {
    Some(Instance { kind, family, factor, vcpu, memory })
}

const EC2: Offer = Offer {
    weight: 14,
    product_code: "AmazonEC2",
    product_name: "Amazon Elastic Compute Cloud",
    servicecode: "AmazonEC2",
    family: "Compute Instance",
    usage_type: "BoxUsage:m5.large",
    operation: "RunInstances",
    unit: "Hrs",
    rate: Amount::new(96, 3),
    description: "$0.096 per On Demand Linux m5.large Instance Hour",
    most: 1,
    decimals: 0,
    resource: "i-",
    instance: instance("m5.large", "General purpose", 400, "2", "8 GiB"),
    attributes: &[
        (Column::ProductOperatingSystem, "Linux"),
        (Column::ProductTenancy, "Shared"),
        (Column::ProductCurrentGeneration, "Yes"),
        (Column::ProductPhysicalProcessor, "Intel Xeon Platinum 8175"),
        (Column::ProductProcessorArchitecture, "64-bit"),
        (Column::ProductProcessorFeatures, "Intel AVX; Intel AVX2; Intel AVX512; Intel Turbo"),
        (Column::ProductClockSpeed, "3.1 GHz"),
        (Column::ProductNetworkPerformance, "Up to 10 Gigabit"),
        (Column::ProductStorage, "EBS only"),
        (Column::ProductCapacityStatus, "Used"),
        (Column::ProductPreInstalledSw, "NA"),
        (Column::ProductLicenseModel, "No License required"),
        (Column::ProductMarketOption, "OnDemand"),
        (Column::ProductEnhancedNetworking, "Yes"),
    ],
};

const C5: Offer = Offer {
    weight: 8,
    usage_type: "BoxUsage:c5.2xlarge",
    rate: Amount::new(34, 2),
    description: "$0.34 per On Demand Linux c5.2xlarge Instance Hour",
    instance: instance("c5.2xlarge", "Compute optimized", 1600, "8", "16 GiB"),
    ..EC2
};

const R6G: Offer = Offer {
    weight: 6,
    usage_type: "BoxUsage:r6g.xlarge",
    rate: Amount::new(2016, 4),
    description: "$0.2016 per On Demand Linux r6g.xlarge Instance Hour",
    instance: instance("r6g.xlarge", "Memory optimized", 800, "4", "32 GiB"),
    ..EC2
};

const NANO: Offer = Offer {
    weight: 6,
    usage_type: "BoxUsage:t3.nano",
    rate: Amount::new(52, 4),
    description: "$0.0052 per On Demand Linux t3.nano Instance Hour",
    instance: instance("t3.nano", "General purpose", 25, "2", "0.5 GiB"),
    ..EC2
};

/// Offers that reservations and savings plans cover.
pub(super) const COMPUTE: [Offer; 4] = [EC2, C5, R6G, NANO];

const STORED: Offer = Offer {
    weight: 8,
    product_code: "AmazonS3",
    product_name: "Amazon Simple Storage Service",
    servicecode: "AmazonS3",
    family: "Storage",
    usage_type: "TimedStorage-ByteHrs",
    operation: "StandardStorage",
    unit: "GB-Mo",
    rate: Amount::new(23, 3),
    description: "$0.023 per GB - first 50 TB / month of storage used",
    most: 5_000_000_000,
    decimals: 10,
    resource: "acme-bucket-",
    instance: None,
    attributes: &[
        (Column::ProductStorageClass, "General Purpose"),
        (Column::ProductStorageMedia, "Amazon S3"),
        (Column::ProductDurability, "99.999999999%"),
        (Column::ProductAvailability, "99.99%"),
        (Column::ProductVolumeType, "Standard"),
    ],
};

/// Everything that is paid as it is used.
pub(super) const OFFERS: [Offer; 19] = [
    EC2,
    C5,
    R6G,
    NANO,
    Offer {
        weight: 10,
        family: "Storage",
        usage_type: "EBS:VolumeUsage.gp3",
        operation: "CreateVolume-Gp3",
        unit: "GB-Mo",
        rate: Amount::new(8, 2),
        description: "$0.08 per GB-month of General Purpose (gp3) provisioned storage - US East (Northern Virginia)",
        most: 7_000_000_000,
        decimals: 10,
        resource: "vol-",
        instance: None,
        attributes: &[
            (Column::ProductVolumeApiName, "gp3"),
            (Column::ProductVolumeType, "General Purpose"),
            (Column::ProductStorageMedia, "SSD-backed"),
            (Column::ProductMaxIopsVolume, "16000"),
            (Column::ProductMaxThroughputVolume, "1000 MiB/s"),
            (Column::ProductMaxVolumeSize, "16 TiB"),
        ],
        ..EC2
    },
    Offer {
        weight: 8,
        servicecode: "AWSDataTransfer",
        family: "Data Transfer",
        usage_type: "DataTransfer-Out-Bytes",
        unit: "GB",
        rate: Amount::new(9, 2),
        description: "$0.090 per GB - first 10 TB / month data transfer out, beyond the global free tier",
        most: 30_000_000_000,
        decimals: 10,
        instance: None,
        attributes: &[
            (Column::ProductTransferType, "AWS Outbound"),
            (Column::ProductToLocation, "External"),
            (Column::ProductToLocationType, "Other"),
            (Column::ProductFromLocationType, "AWS Region"),
        ],
        ..EC2
    },
    STORED,
    Offer {
        weight: 10,
        family: "API Request",
        usage_type: "Requests-Tier2",
        operation: "GetObject",
        unit: "Requests",
        rate: Amount::new(4, 7),
        description: "$0.004 per 10,000 GET and all other requests",
        most: 900,
        attributes: &[
            (Column::ProductGroup, "S3-API-Tier2"),
            (Column::ProductGroupDescription, "GET and all other requests"),
        ],
        decimals: 0,
        ..STORED
    },
    Offer {
        weight: 9,
        product_code: "AWSLambda",
        product_name: "AWS Lambda",
        servicecode: "AWSLambda",
        family: "Serverless",
        usage_type: "Lambda-GB-Second",
        operation: "Invoke",
        unit: "Lambda-GB-Second",
        rate: Amount::new(166_667, 10),
        description: "AWS Lambda - Total Compute - US East (Northern Virginia)",
        most: 40_000_000,
        decimals: 6,
        resource: "arn:aws:lambda:function:acme-",
        attributes: &[(Column::ProductGroup, "AWS-Lambda-Duration")],
        ..STORED
    },
    Offer {
        weight: 7,
        product_code: "AmazonRDS",
        product_name: "Amazon Relational Database Service",
        servicecode: "AmazonRDS",
        family: "Database Instance",
        usage_type: "Multi-AZUsage:db.r5.large",
        operation: "CreateDBInstance:0014",
        unit: "Hrs",
        rate: Amount::new(5, 1),
        description: "$0.50 per RDS db.r5.large Multi-AZ instance hour (or partial hour) running PostgreSQL",
        most: 1,
        decimals: 0,
        resource: "arn:aws:rds:db:acme-",
        instance: instance("db.r5.large", "Memory optimized", 400, "2", "16 GiB"),
        attributes: &[
            (Column::ProductDatabaseEngine, "PostgreSQL"),
            (Column::ProductDeploymentOption, "Multi-AZ"),
            (Column::ProductEngineCode, "14"),
            (Column::ProductLicenseModel, "No license required"),
        ],
    },
    Offer {
        weight: 4,
        product_code: "AmazonRDS",
        product_name: "Amazon Relational Database Service",
        servicecode: "AmazonRDS",
        family: "Database Storage",
        usage_type: "RDS:GP2-Storage",
        operation: "CreateDBInstance:0014",
        rate: Amount::new(115, 3),
        description: "$0.115 per GB-month of provisioned GP2 storage running PostgreSQL",
        resource: "arn:aws:rds:db:acme-",
        attributes: &[(Column::ProductVolumeType, "General Purpose")],
        ..STORED
    },
    Offer {
        weight: 4,
        product_code: "AmazonDynamoDB",
        product_name: "Amazon DynamoDB",
        servicecode: "AmazonDynamoDB",
        family: "Amazon DynamoDB PayPerRequest Throughput",
        usage_type: "WriteRequestUnits",
        operation: "PayPerRequestThroughput",
        unit: "WriteRequestUnits",
        rate: Amount::new(125, 8),
        description: "$1.25 per million write request units (N. Virginia)",
        most: 200_000,
        decimals: 1,
        resource: "arn:aws:dynamodb:table/acme-",
        attributes: &[(Column::ProductGroup, "DDB-WriteUnits")],
        ..STORED
    },
    Offer {
        weight: 4,
        product_code: "AmazonVPC",
        product_name: "Amazon Virtual Private Cloud",
        servicecode: "AmazonVPC",
        family: "VpcEndpoint",
        usage_type: "VpcEndpoint-Hours",
        operation: "VpcEndpoint",
        unit: "Hrs",
        rate: Amount::new(1, 2),
        description: "$0.01 per VPC Endpoint Hour",
        most: 1,
        decimals: 0,
        resource: "vpce-",
        attributes: &[(Column::ProductGroup, "VpcEndpoint")],
        ..STORED
    },
    Offer {
        weight: 3,
        product_code: "AmazonCloudFront",
        product_name: "Amazon CloudFront",
        servicecode: "AmazonCloudFront",
        family: "Data Transfer",
        usage_type: "DataTransfer-Out-Bytes",
        operation: "GET",
        unit: "GB",
        rate: Amount::new(85, 3),
        description: "$0.085 per GB - first 10 TB / month data transfer out",
        most: 120_000_000_000,
        decimals: 10,
        resource: "arn:aws:cloudfront::distribution/",
        attributes: &[(Column::ProductTransferType, "CloudFront Outbound"), (Column::ProductToLocation, "External")],
        ..STORED
    },
    Offer {
        weight: 2,
        product_code: "AmazonRoute53",
        product_name: "Amazon Route 53",
        servicecode: "AmazonRoute53",
        family: "DNS Query",
        usage_type: "DNS-Queries",
        operation: "A",
        unit: "Queries",
        rate: Amount::new(4, 7),
        description: "$0.40 per 1,000,000 queries for the first 1 Billion queries",
        most: 800,
        decimals: 0,
        resource: "arn:aws:route53:::hostedzone/Z",
        attributes: &[],
        ..STORED
    },
    Offer {
        weight: 3,
        product_code: "AmazonCloudWatch",
        product_name: "AmazonCloudWatch",
        servicecode: "AmazonCloudWatch",
        family: "Metric",
        usage_type: "CW:MetricMonitorUsage",
        operation: "MetricStorage:AWS/EC2",
        unit: "Metrics",
        rate: Amount::new(3, 1),
        description: "$0.30 per metric-month for the first 10,000 metrics - US East (Northern Virginia)",
        most: 200_000_000,
        decimals: 10,
        resource: "",
        attributes: &[],
        ..STORED
    },
    Offer {
        weight: 2,
        product_code: "awskms",
        product_name: "AWS Key Management Service",
        servicecode: "awskms",
        family: "API Request",
        usage_type: "KMS-Requests",
        operation: "Decrypt",
        unit: "Requests",
        rate: Amount::ZERO,
        description: "$0.00 per request - Monthly Global Free Tier for KMS requests",
        most: 50,
        decimals: 0,
        resource: "arn:aws:kms:key/",
        attributes: &[],
        ..STORED
    },
    Offer {
        weight: 2,
        product_code: "AmazonEKS",
        product_name: "Amazon Elastic Container Service for Kubernetes",
        servicecode: "AmazonEKS",
        family: "Compute",
        usage_type: "AmazonEKS-Hours:perCluster",
        operation: "CreateOperation",
        unit: "Hours",
        rate: Amount::new(1, 1),
        description: "Amazon EKS cluster usage in US East (N. Virginia)",
        most: 1,
        decimals: 0,
        resource: "arn:aws:eks:cluster/acme-",
        attributes: &[],
        ..STORED
    },
    Offer {
        weight: 2,
        product_code: "5hnnev4d0v7mapf09j0v8of0o2",
        product_name: "Red Hat Enterprise Linux 9",
        servicecode: "",
        family: "",
        usage_type: "SoftwareUsage:m5.xlarge",
        operation: "Hourly",
        unit: "Hrs",
        rate: Amount::new(6, 2),
        description: "AWS Marketplace hourly software usage|us-east-1|m5.xlarge",
        most: 10_000,
        decimals: 4,
        resource: "i-",
        attributes: &[],
        ..STORED
    },
];
