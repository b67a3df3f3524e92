//! A list that grows without moving: half a million groups take hundreds of megabytes, and a list in one piece would need
//! three times as much for the moment in which it moves to a place of twice the size.

/// Values of one chunk.
const CHUNK: usize = 1024;

/// Values by number, in chunks of the same size.
#[derive(Debug)]
pub(super) struct Chunked<T> {
    /// All but the last are full.
    chunks: Vec<Vec<T>>,
}

impl<T> Chunked<T> {
    pub(super) const fn new() -> Self {
        Chunked { chunks: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len())
    }

    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<&T> {
        self.chunks.get(at / CHUNK)?.get(at % CHUNK)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.chunks.get_mut(at / CHUNK)?.get_mut(at % CHUNK)
    }

    pub(super) fn push(&mut self, value: T) {
        match self.chunks.last_mut().filter(|last| last.len() < CHUNK) {
            Some(last) => last.push(value),
            None => {
                // The first one grows as a list does: most summaries of small bills need no more.
                let mut chunk = Vec::with_capacity(if self.chunks.is_empty() { 0 } else { CHUNK });
                chunk.push(value);
                self.chunks.push(chunk);
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flatten()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.chunks.iter_mut().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_list() {
        let mut chunked = Chunked::new();
        assert_eq!((chunked.len(), chunked.get(0), chunked.iter().count()), (0, None, 0));
        let count = 3 * CHUNK + 1;
        for at in 0..count {
            assert_eq!(chunked.len(), at);
            chunked.push(at);
        }
        assert!((0..count).all(|at| chunked.get(at) == Some(&at)) && chunked.get(count).is_none());
        *chunked.get_mut(CHUNK).unwrap() = 7;
        chunked.iter_mut().for_each(|value| *value += 1);
        let list: Vec<usize> = chunked.iter().copied().collect();
        assert_eq!((list.len(), list[CHUNK - 1], list[CHUNK], list[count - 1]), (count, CHUNK, 8, count));
    }
}
