//! What is sold: meters of Azure's services with their units, prices and sizes.

use crate::amount::Amount;

/// A meter.
#[derive(Debug)]
pub(super) struct Meter {
    /// Chance of it, among all.
    pub(super) weight: u64,
    pub(super) category: &'static str,
    pub(super) sub_category: &'static str,
    pub(super) name: &'static str,
    pub(super) family: &'static str,
    pub(super) service: &'static str,
    pub(super) kind: &'static str,
    pub(super) unit: &'static str,
    pub(super) price: Amount,
    /// The largest quantity, and the decimals it is told in.
    pub(super) most: u64,
    pub(super) decimals: u32,
    /// `ServiceType` of its additional info: the size of a machine.
    pub(super) size: Option<&'static str>,
}

#[expect(clippy::too_many_arguments, reason = "a row of the table below")]
const fn meter(
    weight: u64,
    (category, sub_category, name): (&'static str, &'static str, &'static str),
    (family, service, kind): (&'static str, &'static str, &'static str),
    unit: &'static str,
    price: Amount,
    most: u64,
    decimals: u32,
    size: Option<&'static str>,
) -> Meter {
    Meter { weight, category, sub_category, name, family, service, kind, unit, price, most, decimals, size }
}

const VM: (&str, &str, &str) = ("Compute", "Microsoft.Compute", "virtualMachines");
const DISK: (&str, &str, &str) = ("Storage", "Microsoft.Compute", "disks");
const STORE: (&str, &str, &str) = ("Storage", "Microsoft.Storage", "storageAccounts");
const NET: (&str, &str, &str) = ("Networking", "Microsoft.Network", "virtualNetworks");

/// All meters.
pub(super) const METERS: [Meter; 14] = [
    meter(
        140,
        ("Virtual Machines", "BS Series", "B2s"),
        VM,
        "1 Hour",
        Amount::new(416, 4),
        24_000,
        3,
        Some("Standard_B2s"),
    ),
    meter(
        120,
        ("Virtual Machines", "Dsv5 Series", "D4s v5"),
        VM,
        "1 Hour",
        Amount::new(192, 3),
        24_000,
        3,
        Some("Standard_D4s_v5"),
    ),
    meter(
        60,
        ("Virtual Machines", "Esv5 Series", "E8s v5"),
        VM,
        "100 Hours",
        Amount::new(504, 3),
        24_000,
        3,
        Some("Standard_E8s_v5"),
    ),
    meter(
        130,
        ("Storage", "Premium SSD Managed Disks", "P10 LRS Disk"),
        DISK,
        "1/Month",
        Amount::new(1_971, 2),
        1_000,
        6,
        None,
    ),
    meter(
        90,
        ("Storage", "Tiered Block Blob", "Hot LRS Data Stored"),
        STORE,
        "1 GB/Month",
        Amount::new(184, 4),
        9_000_000,
        4,
        None,
    ),
    meter(
        80,
        ("Storage", "Tiered Block Blob", "Hot Read Operations"),
        STORE,
        "10K",
        Amount::new(44, 4),
        900_000,
        4,
        None,
    ),
    meter(
        110,
        ("Bandwidth", "Rtn Preference: MGN", "Standard Data Transfer Out"),
        NET,
        "1 GB",
        Amount::new(87, 3),
        500_000,
        5,
        None,
    ),
    meter(
        50,
        ("Virtual Network", "IP Addresses", "Standard IPv4 Static Public IP"),
        NET,
        "1 Hour",
        Amount::new(5, 3),
        24_000,
        3,
        None,
    ),
    meter(
        40,
        ("Load Balancer", "Standard", "Standard Included LB Rules and Outbound Rules"),
        NET,
        "1 Hour",
        Amount::new(25, 3),
        24_000,
        3,
        None,
    ),
    meter(
        50,
        ("SQL Database", "Single Standard", "S2 DTUs"),
        ("Databases", "Microsoft.Sql", "servers"),
        "1/Day",
        Amount::new(48_387, 4),
        1_000,
        3,
        None,
    ),
    meter(
        40,
        ("Azure Database for PostgreSQL", "Flexible Server", "vCore"),
        ("Databases", "Microsoft.DBforPostgreSQL", "flexibleServers"),
        "1 Hour",
        Amount::new(176, 3),
        24_000,
        3,
        None,
    ),
    meter(
        30,
        ("Cosmos DB", "Azure Cosmos DB", "100 RU/s"),
        ("Databases", "Microsoft.DocumentDB", "databaseAccounts"),
        "1/Hour",
        Amount::new(8, 3),
        24_000,
        3,
        None,
    ),
    meter(
        40,
        ("Log Analytics", "Log Analytics", "Pay-as-you-go Data Ingestion"),
        ("Management and Governance", "microsoft.operationalinsights", "workspaces"),
        "1 GB",
        Amount::new(276, 2),
        90_000,
        6,
        None,
    ),
    meter(
        20,
        ("Advanced Threat Protection", "Advanced Threat Protection", "Standard Transactions"),
        ("Security", "Microsoft.Security", "pricings"),
        "10K",
        Amount::new(2, 2),
        50_000,
        5,
        None,
    ),
];

/// Places, as subscriptions' locations and as meters' regions say them.
pub(super) const LOCATIONS: [(&str, &str); 4] = [
    ("westeurope", "EU West"),
    ("EastUS", "US East"),
    ("uksouth", "UK South"),
    ("germanywestcentral", "DE West Central"),
];
