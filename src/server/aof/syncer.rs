//! A thread that makes sure of files while the server goes on, and closes those whose last name is gone.

use super::disk::DiskFile;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// What is to be done with a file.
pub enum Job {
    /// Makes sure of it. The number comes back with the outcome.
    Sync(u64, Box<dyn DiskFile>),
    /// Makes sure of it, if that is wanted, and closes it.
    Close(bool, Box<dyn DiskFile>),
}

impl Job {
    fn file(self) -> Box<dyn DiskFile> {
        match self {
            Job::Sync(_, file) | Job::Close(_, file) => file,
        }
    }
}

/// What was done.
pub enum Done {
    Synced(u64, io::Result<()>),
    Closed(io::Result<()>),
}

/// The thread, from the first job on. Jobs are done in their order.
pub struct Syncer {
    /// Called when something is done.
    wake: Arc<dyn Fn() + Send + Sync>,
    thread: Option<(Sender<Job>, Receiver<Done>, JoinHandle<()>)>,
    /// Jobs that were given and not heard of again.
    syncs: usize,
    closes: usize,
}

impl Syncer {
    /// Returns one that has no thread yet.
    pub fn new(wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        Syncer { wake, thread: None, syncs: 0, closes: 0 }
    }

    /// How many files are being made sure of.
    pub fn syncs(&self) -> usize {
        self.syncs
    }

    /// Whether files are still to be made sure of before they are closed.
    pub fn is_closing(&self) -> bool {
        self.closes > 0
    }

    /// Has a job done. Fails with the file if there can be no thread: the caller does it himself.
    pub fn give(&mut self, job: Job) -> Result<(), Box<dyn DiskFile>> {
        if self.thread.is_none() {
            self.thread = self.start();
        }
        let Some((jobs, ..)) = &self.thread else { return Err(job.file()) };
        let counter = if matches!(job, Job::Sync(..)) { &mut self.syncs } else { &mut self.closes };
        match jobs.send(job) {
            Ok(()) => {
                *counter += 1;
                Ok(())
            }
            Err(error) => Err(error.0.file()),
        }
    }

    /// What was done since the last call. With `wait`, everything that was given is.
    pub fn hear(&mut self, wait: bool) -> Vec<Done> {
        let mut heard = Vec::new();
        let Some((_, results, _)) = &self.thread else { return heard };
        while self.syncs + self.closes > 0 {
            let done = if wait { results.recv().ok() } else { results.try_recv().ok() };
            let Some(done) = done else { break };
            match done {
                Done::Synced(..) => self.syncs -= 1,
                Done::Closed(..) => self.closes -= 1,
            }
            heard.push(done);
        }
        heard
    }

    fn start(&self) -> Option<(Sender<Job>, Receiver<Done>, JoinHandle<()>)> {
        let (jobs, todo) = channel::<Job>();
        let (done, results) = channel();
        let wake = self.wake.clone();
        let work = move || {
            for job in todo {
                let outcome = match job {
                    Job::Sync(number, mut file) => Done::Synced(number, file.sync()),
                    Job::Close(sync, mut file) => Done::Closed(if sync { file.sync() } else { Ok(()) }),
                };
                if done.send(outcome).is_err() {
                    return;
                }
                wake();
            }
        };
        let thread = std::thread::Builder::new().name("log-sync".to_string()).spawn(work).ok()?;
        Some((jobs, results, thread))
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        if let Some((jobs, results, thread)) = self.thread.take() {
            drop(jobs);
            // What was given is done before the process ends, and whether it was is of no use any more.
            let _ = thread.join();
            drop(results);
        }
    }
}
