//! A stream is an ordered map of entries, whatever is done to it; its nodes are always well formed.
