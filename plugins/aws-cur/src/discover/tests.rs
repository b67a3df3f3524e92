//! Whole folders, as AWS and its mirrors lay them out.
