//! The file operations a log needs, as a trait: a test can stop them at any step, and say what survives.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// Files by their paths, relative to where the server works.
pub trait Disk {
    /// Makes a folder, unless it is there.
    fn make_folder(&self, path: &str) -> io::Result<()>;
    /// Bytes of a file.
    fn size(&self, path: &str) -> io::Result<u64>;
    /// Opens a file to be read.
    fn read(&self, path: &str) -> io::Result<Box<dyn Read>>;
    /// Opens an empty file, new or emptied.
    fn create(&self, path: &str) -> io::Result<Box<dyn DiskFile>>;
    /// Opens a file to be written at its end, new if there is none.
    fn append(&self, path: &str) -> io::Result<Box<dyn DiskFile>>;
    /// Cuts off what is behind the first `size` bytes, and makes sure of that.
    fn truncate(&self, path: &str, size: u64) -> io::Result<()>;
    /// Gives a file another name, in place of the one that had it.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Takes a file out of its folder. Its bytes are freed when what is returned is dropped, which can take long.
    fn remove(&self, path: &str) -> io::Result<Box<dyn DiskFile>>;
    /// Makes sure of the names of a folder.
    fn sync_folder(&self, path: &str) -> io::Result<()>;
}

/// An open file.
pub trait DiskFile: Send {
    /// Writes some of `bytes` at the end. Returns how many.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Cuts off what is behind the first `size` bytes.
    fn truncate(&mut self, size: u64) -> io::Result<()>;
    /// Makes sure of all that was written.
    fn sync(&mut self) -> io::Result<()>;
    /// The same file once more, for another thread.
    fn again(&self) -> io::Result<Box<dyn DiskFile>>;
}

/// The operating system's files under a folder.
pub struct Files(pub PathBuf);

impl Files {
    fn at(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }
}

impl Disk for Files {
    fn make_folder(&self, path: &str) -> io::Result<()> {
        let path = self.at(path);
        match fs::create_dir(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            Err(error) => Err(error),
            Ok(()) => sync_folder(path.parent().unwrap_or(Path::new(""))),
        }
    }

    fn size(&self, path: &str) -> io::Result<u64> {
        fs::metadata(self.at(path)).map(|meta| meta.len())
    }

    fn read(&self, path: &str) -> io::Result<Box<dyn Read>> {
        Ok(Box::new(File::open(self.at(path))?))
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(OpenOptions::new().append(true).create(true).open(self.at(path)).and_then(emptied)?))
    }

    fn append(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(OpenOptions::new().append(true).create(true).open(self.at(path))?))
    }

    fn truncate(&self, path: &str, size: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(self.at(path))?;
        file.set_len(size)?;
        file.sync_all()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.at(from), self.at(to))
    }

    fn remove(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        let path = self.at(path);
        let file = File::open(&path)?;
        fs::remove_file(path)?;
        Ok(Box::new(file))
    }

    fn sync_folder(&self, path: &str) -> io::Result<()> {
        sync_folder(&self.at(path))
    }
}

/// A file that is written at its end can stay so when it is cut short.
fn emptied(file: File) -> io::Result<File> {
    file.set_len(0)?;
    Ok(file)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path)?.sync_all()
}

impl DiskFile for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(self, bytes)
    }

    fn truncate(&mut self, size: u64) -> io::Result<()> {
        self.set_len(size)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn again(&self) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(self.try_clone()?))
    }
}

/// Writes `bytes`, in as many pieces as it takes. Fails with how many were written and why not more.
pub fn write_all(file: &mut dyn DiskFile, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let mut done = 0;
    while done < bytes.len() {
        match file.write(&bytes[done..]) {
            Ok(0) => return Err((done, ErrorKind::WriteZero.into())),
            Ok(n) => done += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err((done, error)),
        }
    }
    Ok(())
}
