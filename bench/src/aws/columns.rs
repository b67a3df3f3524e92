//! The columns of the report, in the order of the file.

/// How a column is typed in a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text that is always there.
    Text,
    /// Text.
    OptionalText,
    /// A decimal number that is always there.
    Number,
    /// A decimal number.
    OptionalNumber,
    /// A time that is always there.
    Time,
    /// `start/end`.
    Interval,
}

impl Kind {
    /// AWS's word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "String",
            Self::OptionalText => "OptionalString",
            Self::Number => "BigDecimal",
            Self::OptionalNumber => "OptionalBigDecimal",
            Self::Time => "DateTime",
            Self::Interval => "Interval",
        }
    }
}

macro_rules! columns {
    ($($name:ident: $category:literal / $column:literal $kind:ident,)*) => {
        /// A column.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each is named after the header it stands for")]
        pub enum Column {
            $($name,)*
        }

        impl Column {
            /// All of them, in the order of the file.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The part of the header before the slash.
            #[must_use]
            pub const fn category(self) -> &'static str {
                match self { $(Self::$name => $category,)* }
            }

            /// The part of the header after the slash.
            #[must_use]
            pub const fn column(self) -> &'static str {
                match self { $(Self::$name => $column,)* }
            }

            /// How the manifest types it.
            #[must_use]
            pub const fn kind(self) -> Kind {
                match self { $(Self::$name => Kind::$kind,)* }
            }
        }
    };
}

columns! {
    LineItemId: "identity" / "LineItemId" Text,
    TimeInterval: "identity" / "TimeInterval" Interval,
    InvoiceId: "bill" / "InvoiceId" OptionalText,
    InvoicingEntity: "bill" / "InvoicingEntity" OptionalText,
    BillingEntity: "bill" / "BillingEntity" Text,
    BillType: "bill" / "BillType" Text,
    PayerAccountId: "bill" / "PayerAccountId" Text,
    BillingPeriodStartDate: "bill" / "BillingPeriodStartDate" Time,
    BillingPeriodEndDate: "bill" / "BillingPeriodEndDate" Time,
    UsageAccountId: "lineItem" / "UsageAccountId" OptionalText,
    LineItemType: "lineItem" / "LineItemType" Text,
    UsageStartDate: "lineItem" / "UsageStartDate" Time,
    UsageEndDate: "lineItem" / "UsageEndDate" Time,
    ProductCode: "lineItem" / "ProductCode" Text,
    UsageType: "lineItem" / "UsageType" OptionalText,
    Operation: "lineItem" / "Operation" OptionalText,
    AvailabilityZone: "lineItem" / "AvailabilityZone" OptionalText,
    ResourceId: "lineItem" / "ResourceId" OptionalText,
    UsageAmount: "lineItem" / "UsageAmount" OptionalNumber,
    NormalizationFactor: "lineItem" / "NormalizationFactor" OptionalNumber,
    NormalizedUsageAmount: "lineItem" / "NormalizedUsageAmount" OptionalNumber,
    CurrencyCode: "lineItem" / "CurrencyCode" Text,
    UnblendedRate: "lineItem" / "UnblendedRate" OptionalText,
    UnblendedCost: "lineItem" / "UnblendedCost" Number,
    BlendedRate: "lineItem" / "BlendedRate" OptionalText,
    BlendedCost: "lineItem" / "BlendedCost" OptionalNumber,
    LineItemDescription: "lineItem" / "LineItemDescription" OptionalText,
    TaxType: "lineItem" / "TaxType" OptionalText,
    LegalEntity: "lineItem" / "LegalEntity" OptionalText,
    ProductName: "product" / "ProductName" OptionalText,
    ProductAvailability: "product" / "availability" OptionalText,
    ProductAvailabilityZone: "product" / "availabilityZone" OptionalText,
    ProductCapacityStatus: "product" / "capacitystatus" OptionalText,
    ProductClockSpeed: "product" / "clockSpeed" OptionalText,
    ProductCurrentGeneration: "product" / "currentGeneration" OptionalText,
    ProductDatabaseEngine: "product" / "databaseEngine" OptionalText,
    ProductDeploymentOption: "product" / "deploymentOption" OptionalText,
    ProductDescription: "product" / "description" OptionalText,
    ProductDurability: "product" / "durability" OptionalText,
    ProductEbsOptimized: "product" / "ebsOptimized" OptionalText,
    ProductEcu: "product" / "ecu" OptionalText,
    ProductEngineCode: "product" / "engineCode" OptionalText,
    ProductEnhancedNetworking: "product" / "enhancedNetworkingSupported" OptionalText,
    ProductFromLocation: "product" / "fromLocation" OptionalText,
    ProductFromLocationType: "product" / "fromLocationType" OptionalText,
    ProductFromRegionCode: "product" / "fromRegionCode" OptionalText,
    ProductGroup: "product" / "group" OptionalText,
    ProductGroupDescription: "product" / "groupDescription" OptionalText,
    ProductInstanceFamily: "product" / "instanceFamily" OptionalText,
    ProductInstanceType: "product" / "instanceType" OptionalText,
    ProductInstanceTypeFamily: "product" / "instanceTypeFamily" OptionalText,
    ProductLicenseModel: "product" / "licenseModel" OptionalText,
    ProductLocation: "product" / "location" OptionalText,
    ProductLocationType: "product" / "locationType" OptionalText,
    ProductMarketOption: "product" / "marketoption" OptionalText,
    ProductMaxIopsVolume: "product" / "maxIopsvolume" OptionalText,
    ProductMaxThroughputVolume: "product" / "maxThroughputvolume" OptionalText,
    ProductMaxVolumeSize: "product" / "maxVolumeSize" OptionalText,
    ProductMemory: "product" / "memory" OptionalText,
    ProductNetworkPerformance: "product" / "networkPerformance" OptionalText,
    ProductNormalizationSizeFactor: "product" / "normalizationSizeFactor" OptionalText,
    ProductOperatingSystem: "product" / "operatingSystem" OptionalText,
    ProductOperation: "product" / "operation" OptionalText,
    ProductPhysicalProcessor: "product" / "physicalProcessor" OptionalText,
    ProductPreInstalledSw: "product" / "preInstalledSw" OptionalText,
    ProductProcessorArchitecture: "product" / "processorArchitecture" OptionalText,
    ProductProcessorFeatures: "product" / "processorFeatures" OptionalText,
    ProductFamily: "product" / "productFamily" OptionalText,
    ProductRegion: "product" / "region" OptionalText,
    ProductRegionCode: "product" / "regionCode" OptionalText,
    ProductServicecode: "product" / "servicecode" OptionalText,
    ProductServicename: "product" / "servicename" OptionalText,
    ProductSku: "product" / "sku" OptionalText,
    ProductStorage: "product" / "storage" OptionalText,
    ProductStorageClass: "product" / "storageClass" OptionalText,
    ProductStorageMedia: "product" / "storageMedia" OptionalText,
    ProductTenancy: "product" / "tenancy" OptionalText,
    ProductToLocation: "product" / "toLocation" OptionalText,
    ProductToLocationType: "product" / "toLocationType" OptionalText,
    ProductToRegionCode: "product" / "toRegionCode" OptionalText,
    ProductTransferType: "product" / "transferType" OptionalText,
    ProductUsagetype: "product" / "usagetype" OptionalText,
    ProductVcpu: "product" / "vcpu" OptionalText,
    ProductVolumeApiName: "product" / "volumeApiName" OptionalText,
    ProductVolumeType: "product" / "volumeType" OptionalText,
    LeaseContractLength: "pricing" / "LeaseContractLength" OptionalText,
    OfferingClass: "pricing" / "OfferingClass" OptionalText,
    PurchaseOption: "pricing" / "PurchaseOption" OptionalText,
    RateCode: "pricing" / "RateCode" OptionalText,
    RateId: "pricing" / "RateId" OptionalText,
    PricingCurrency: "pricing" / "currency" OptionalText,
    PublicOnDemandCost: "pricing" / "publicOnDemandCost" OptionalNumber,
    PublicOnDemandRate: "pricing" / "publicOnDemandRate" OptionalText,
    Term: "pricing" / "term" OptionalText,
    PricingUnit: "pricing" / "unit" OptionalText,
    RiAmortizedUpfrontCostForUsage: "reservation" / "AmortizedUpfrontCostForUsage" OptionalNumber,
    RiAmortizedUpfrontFee: "reservation" / "AmortizedUpfrontFeeForBillingPeriod" OptionalNumber,
    RiEffectiveCost: "reservation" / "EffectiveCost" OptionalNumber,
    RiEndTime: "reservation" / "EndTime" OptionalText,
    RiModificationStatus: "reservation" / "ModificationStatus" OptionalText,
    RiNormalizedUnits: "reservation" / "NormalizedUnitsPerReservation" OptionalText,
    RiNumber: "reservation" / "NumberOfReservations" OptionalText,
    RiRecurringFeeForUsage: "reservation" / "RecurringFeeForUsage" OptionalNumber,
    RiArn: "reservation" / "ReservationARN" OptionalText,
    RiStartTime: "reservation" / "StartTime" OptionalText,
    RiSubscriptionId: "reservation" / "SubscriptionId" OptionalText,
    RiTotalNormalizedUnits: "reservation" / "TotalReservedNormalizedUnits" OptionalText,
    RiTotalUnits: "reservation" / "TotalReservedUnits" OptionalText,
    RiUnits: "reservation" / "UnitsPerReservation" OptionalText,
    RiUnusedUpfrontFee: "reservation" / "UnusedAmortizedUpfrontFeeForBillingPeriod" OptionalNumber,
    RiUnusedNormalizedQuantity: "reservation" / "UnusedNormalizedUnitQuantity" OptionalNumber,
    RiUnusedQuantity: "reservation" / "UnusedQuantity" OptionalNumber,
    RiUnusedRecurringFee: "reservation" / "UnusedRecurringFee" OptionalNumber,
    RiUpfrontValue: "reservation" / "UpfrontValue" OptionalNumber,
    SpAmortizedUpfront: "savingsPlan" / "AmortizedUpfrontCommitmentForBillingPeriod" OptionalNumber,
    SpEndTime: "savingsPlan" / "EndTime" OptionalText,
    SpOfferingType: "savingsPlan" / "OfferingType" OptionalText,
    SpPaymentOption: "savingsPlan" / "PaymentOption" OptionalText,
    SpPurchaseTerm: "savingsPlan" / "PurchaseTerm" OptionalText,
    SpRecurringCommitment: "savingsPlan" / "RecurringCommitmentForBillingPeriod" OptionalNumber,
    SpRegion: "savingsPlan" / "Region" OptionalText,
    SpArn: "savingsPlan" / "SavingsPlanARN" OptionalText,
    SpEffectiveCost: "savingsPlan" / "SavingsPlanEffectiveCost" OptionalNumber,
    SpRate: "savingsPlan" / "SavingsPlanRate" OptionalText,
    SpStartTime: "savingsPlan" / "StartTime" OptionalText,
    SpTotalCommitment: "savingsPlan" / "TotalCommitmentToDate" OptionalNumber,
    SpUsedCommitment: "savingsPlan" / "UsedCommitment" OptionalNumber,
    SplitActualUsage: "splitLineItem" / "ActualUsage" OptionalNumber,
    SplitParentResourceId: "splitLineItem" / "ParentResourceId" OptionalText,
    SplitReservedUsage: "splitLineItem" / "ReservedUsage" OptionalNumber,
    SplitCost: "splitLineItem" / "SplitCost" OptionalNumber,
    SplitUsage: "splitLineItem" / "SplitUsage" OptionalNumber,
    SplitUnusedCost: "splitLineItem" / "UnusedCost" OptionalNumber,
    CategoryTeam: "costCategory" / "Team" OptionalText,
    CategoryChargeType: "costCategory" / "Charge type" OptionalText,
    TagCreatedBy: "resourceTags" / "aws:createdBy" OptionalText,
    TagStackName: "resourceTags" / "aws:cloudformation:stack-name" OptionalText,
    TagApp: "resourceTags" / "user:app" OptionalText,
    TagCostCenter: "resourceTags" / "user:CostCenter" OptionalText,
    TagEnvironment: "resourceTags" / "user:environment" OptionalText,
    TagOwner: "resourceTags" / "user:owner e-mail" OptionalText,
}

impl Column {
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// `category/name`, as CSV reports spell it.
    #[must_use]
    pub fn slash(self) -> String {
        format!("{}/{}", self.category(), self.column())
    }

    /// The name that AWS's Athena integration gives it: `_` before every capital, lower case, everything that is not a
    /// letter or digit becomes `_`, and runs and ends of `_` go.
    #[must_use]
    pub fn underscored(self) -> String {
        let mut name = String::new();
        for c in self.slash().chars() {
            if !c.is_ascii_alphanumeric() || c.is_ascii_uppercase() {
                name.push('_');
            }
            if c.is_ascii_alphanumeric() {
                name.push(c.to_ascii_lowercase());
            }
        }
        name.split('_').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_")
    }
}

#[cfg(test)]
mod tests {
    use super::Column;

    #[test]
    fn names_are_those_of_athena() {
        let pairs = [
            (Column::RiArn, "reservation_reservation_a_r_n"),
            (Column::LineItemId, "identity_line_item_id"),
            (Column::ProductServicecode, "product_servicecode"),
            (Column::TagStackName, "resource_tags_aws_cloudformation_stack_name"),
            (Column::TagCostCenter, "resource_tags_user_cost_center"),
            (Column::CategoryChargeType, "cost_category_charge_type"),
        ];
        for (column, name) in pairs {
            assert_eq!(column.underscored(), name);
        }
    }

    #[test]
    fn no_two_columns_share_a_name() {
        for name in [Column::slash, Column::underscored] {
            let mut names: Vec<String> = Column::ALL.iter().map(|column| name(*column)).collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), Column::COUNT);
        }
    }
}
