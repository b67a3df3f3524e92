//! Guests: what `tests/hostile/guests` says, in the shell of an honest plugin, made into a component.

use std::path::{Path, PathBuf};

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

use crate::image::{Found, Image, Manifest};
use crate::values;

/// A guest and what it works with.
pub(crate) struct Guest {
    /// Text of what it does otherwise than the shell.
    text: String,
    pub(crate) manifest: Manifest,
    pub(crate) found: Found,
    /// Text the guest is given: a path to try, a message to log.
    word: String,
    /// Core modules that are instantiated beside its own, as text.
    further: Vec<String>,
}

impl Guest {
    /// The honest plugin: rows are the bytes it is pushed.
    pub(crate) fn honest() -> Self {
        Self {
            text: String::new(),
            manifest: Manifest {
                id: "hostile".to_owned(),
                provider: "hostile".to_owned(),
                table: "lines".to_owned(),
                schema: values::schema_alone(),
            },
            found: Found { source: String::new(), revision: "r1".to_owned(), path: "input".to_owned(), compression: 0 },
            word: String::new(),
            further: Vec::new(),
        }
    }

    /// The guest of `guests/<name>.wat`.
    pub(crate) fn named(name: &str) -> Self {
        let file = folder().join("guests").join(format!("{name}.wat"));
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        Self { text, ..Self::honest() }
    }

    /// The same with a word for it.
    pub(crate) fn given(mut self, word: &str) -> Self {
        word.clone_into(&mut self.word);
        self
    }

    /// The same with these core modules beside its own.
    pub(crate) fn beside(mut self, further: Vec<String>) -> Self {
        self.further = further;
        self
    }

    /// The component.
    pub(crate) fn component(&self) -> Vec<u8> {
        let module = wat::parse_str(self.module()).unwrap_or_else(|error| panic!("{error}\n{}", self.module()));
        let component = encode(module);
        let further: Vec<Vec<u8>> = self.further.iter().map(|text| wat::parse_str(text).unwrap()).collect();
        with_further(component, &further)
    }

    fn module(&self) -> String {
        let mut image = Image::default();
        let addresses = [
            ("@manifest@", self.manifest.place(&mut image)),
            ("@findings@", self.found.place(&mut image)),
            ("@code@", image.place(b"guest.says")),
            ("@word@", image.place(self.word.as_bytes())),
            ("@word_length@", self.word.len() as u32),
        ];
        let (base, bytes) = image.finish();
        let bytes: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
        let shell = std::fs::read_to_string(folder().join("shell.wat")).unwrap();
        let kept = shell.split("\n\n").filter(|part| name(part).is_none_or(|name| !self.text.contains(&name)));
        let kept: Vec<&str> = kept.collect();
        let mut text = format!("(module\n{}\n{}\n(data (i32.const {base}) \"{bytes}\"))", kept.join("\n\n"), self.text);
        for (place, address) in addresses {
            text = text.replace(place, &address.to_string());
        }
        text
    }
}

/// `tests/hostile`.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("hostile")
}

/// What a part of the shell defines, such as `(func $push `: comments before it do not count.
fn name(part: &str) -> Option<String> {
    let code = part.lines().find(|line| !line.starts_with(";;"))?;
    let mut words = code.split(' ');
    let (kind, name) = (words.next()?, words.next()?);
    (matches!(kind, "(func" | "(memory") && name.starts_with('$')).then(|| format!("{kind} {name} "))
}

fn encode(mut module: Vec<u8>) -> Vec<u8> {
    let mut wit = wit_parser::Resolve::default();
    let (package, _) = wit.push_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit")).unwrap();
    let world = wit.select_world(&[package], Some("provider")).unwrap();
    embed_component_metadata(&mut module, &wit, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().validate(true).module(&module).unwrap().encode().unwrap()
}

/// Adds core modules and one instance of each to the end of a component.
fn with_further(mut component: Vec<u8>, further: &[Vec<u8>]) -> Vec<u8> {
    const CORE_MODULE: u8 = 1;
    const CORE_INSTANCE: u8 = 2;
    let modules = sections(&component).filter(|(id, _)| *id == CORE_MODULE).count();
    for (index, module) in further.iter().enumerate() {
        section(&mut component, CORE_MODULE, module);
        let mut instance = vec![1, 0];
        leb(&mut instance, modules + index);
        instance.push(0);
        section(&mut component, CORE_INSTANCE, &instance);
    }
    component
}

fn section(component: &mut Vec<u8>, id: u8, content: &[u8]) {
    component.push(id);
    leb(component, content.len());
    component.extend_from_slice(content);
}

fn leb(out: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Ids and contents of a component's sections.
fn sections(component: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = &component[8..];
    std::iter::from_fn(move || {
        let (&id, after) = rest.split_first()?;
        let (mut length, mut shift, mut at) = (0usize, 0, 0);
        loop {
            length |= usize::from(after[at] & 0x7f) << shift;
            shift += 7;
            at += 1;
            if after[at - 1] < 0x80 {
                break;
            }
        }
        let content = &after[at..at + length];
        rest = &after[at + length..];
        Some((id, content))
    })
}
