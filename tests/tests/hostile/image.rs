//! What a guest declares and finds, as bytes of its memory in the canonical ABI.

/// Where the bytes begin.
const BASE: usize = 1024;

/// Bytes of a guest's memory from [`BASE`] on.
#[derive(Default)]
pub(crate) struct Image(Vec<u8>);

/// A record being laid out.
#[derive(Default)]
struct Record(Vec<u8>);

impl Image {
    /// The bytes and their address.
    pub(crate) fn finish(self) -> (usize, Vec<u8>) {
        assert!(BASE + self.0.len() < 1 << 20, "the image reaches into the heap of shell.wat");
        (BASE, self.0)
    }

    /// Puts bytes on an 8-byte boundary and gives their address.
    pub(crate) fn place(&mut self, bytes: &[u8]) -> u32 {
        self.0.resize(self.0.len().next_multiple_of(8), 0);
        let at = BASE + self.0.len();
        self.0.extend_from_slice(bytes);
        at as u32
    }

    /// A list of records, or text: address and length.
    fn list(&mut self, bytes: &[u8], count: usize) -> [u32; 2] {
        [self.place(bytes), count as u32]
    }

    fn text(&mut self, text: &str) -> [u32; 2] {
        self.list(text.as_bytes(), text.len())
    }
}

impl Record {
    fn align(&mut self, to: usize) -> &mut Self {
        self.0.resize(self.0.len().next_multiple_of(to), 0);
        self
    }

    fn byte(&mut self, byte: u8) -> &mut Self {
        self.0.push(byte);
        self
    }

    fn words(&mut self, words: &[u32]) -> &mut Self {
        self.align(4);
        words.iter().for_each(|word| self.0.extend(word.to_le_bytes()));
        self
    }

    fn long(&mut self, long: i64) -> &mut Self {
        self.align(8);
        self.0.extend(long.to_le_bytes());
        self
    }
}

/// What a guest says of itself.
pub(crate) struct Manifest {
    pub(crate) id: String,
    pub(crate) provider: String,
    pub(crate) table: String,
    /// IPC stream without batches.
    pub(crate) schema: Vec<u8>,
}

impl Manifest {
    /// Address of the manifest.
    pub(crate) fn place(&self, image: &mut Image) -> u32 {
        let table = self.table(image);
        let mut record = Record::default();
        for text in [&self.id, &self.provider, "Hostile", "1.0.0", "{}"] {
            record.words(&image.text(text));
        }
        record.words(&image.list(&table, 1));
        // No summaries, rollups, lookups, reports or labels.
        record.words(&[0; 10]);
        image.place(&record.0)
    }

    fn table(&self, image: &mut Image) -> Vec<u8> {
        let mut record = Record::default();
        record.words(&image.text(&self.table));
        // Line items.
        record.byte(0).words(&image.list(&self.schema, self.schema.len()));
        // No money, invoice, key, partition or indexes.
        record.words(&[0; 2 + 3 + 2 + 3 + 2]);
        record.0
    }
}

/// The one report a guest finds, of January 1970.
pub(crate) struct Found {
    pub(crate) source: String,
    pub(crate) revision: String,
    pub(crate) path: String,
    /// 0 none, 1 gzip, 2 zstd, 3 zip.
    pub(crate) compression: u8,
}

impl Found {
    /// Address of the findings in a result.
    pub(crate) fn place(&self, image: &mut Image) -> u32 {
        let mut file = Record::default();
        file.words(&image.text(&self.path)).byte(self.compression);
        // The form is bytes.
        file.words(&[0; 3]).words(&image.text("rows"));
        // Neither rows nor bytes are promised.
        file.long(0).long(0).long(0).long(0);
        let mut report = Record::default();
        report.words(&image.text(&self.source)).words(&image.text(&self.revision));
        report.long(0).long(0).long(2_678_400).byte(0);
        report.words(&image.list(&file.0, 1)).words(&[0, 0]).align(8);
        let mut result = Record::default();
        result.words(&[0]).words(&image.list(&report.0, 1)).words(&[0, 0]);
        // Payloads of a result with a failure in it lie on an 8-byte boundary.
        let (tag, payload) = result.0.split_at(4);
        let mut aligned = Record(tag.to_vec());
        aligned.align(8).0.extend_from_slice(payload);
        image.place(&aligned.0)
    }
}
