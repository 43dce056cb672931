//! The closed loop: every connection has one request under way, and sends the next when the answer is whole.
//!
//! Latency runs from the first byte handed to the kernel to the last byte of the answer. A closed loop slows down with
//! its server, so a stall is seen once per connection and not once per request that would have come meanwhile: read the
//! percentiles beside the rate, at a stated number of connections.

use crate::answer::{Answer, AnswerError, AnswerReader, NOT_MODIFIED};
use crate::wire::{Target, Wire, WireError};
use crate::workload::Workload;
use hdrhistogram::Histogram;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

/// Longest latency that is told apart, in microseconds: a minute, and no run waits that long.
const LATENCY_US_MAX: u64 = 60_000_000;

/// What one thread reads at once: most answers whole, and a good part of a batch's.
const READ_BYTES: usize = 128 * 1024;

/// How long answers are awaited after the last request was sent.
const DRAIN: Duration = Duration::from_secs(10);

/// How often a thread looks at the clock when no answer comes.
const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Readiness events taken from the kernel at once.
const EVENTS: usize = 256;

/// How hard, how long, and against whom.
#[derive(Clone, Debug)]
pub struct Load {
    /// The server.
    pub target: Target,
    /// Connections, and so requests under way.
    pub connections: usize,
    /// Threads that share them.
    pub threads: usize,
    /// Time before anything is counted.
    pub warmup: Duration,
    /// Time in which answers are counted.
    pub window: Duration,
    /// Keep each answer to every so many requests for verification; 0 keeps none.
    pub sample_every: u64,
}

/// An answer kept for after the run.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Number of the request.
    pub serial: u64,
    /// The answer's body.
    pub body: Vec<u8>,
}

/// What came back within the window.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Microseconds to each successful (2xx) answer.
    pub latency_us: Histogram<u64>,
    /// Other answers, by status.
    pub errors: BTreeMap<u16, u64>,
    /// Requests whose connection broke, in or out of the window.
    pub lost: u64,
    /// Requests that had no answer when the run was given up.
    pub unanswered: u64,
    /// Body bytes of the successful answers.
    pub answer_bytes: u64,
    /// CPU time of this process within the window.
    pub cpu: Duration,
    /// Successful answers kept for verification, in or out of the window.
    pub samples: Vec<Sample>,
    /// Whether there were too few requests for the whole window.
    pub ran_out: bool,
}

/// Why a run could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The server can't be reached.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The server speaks something else.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// Sockets, epoll or clocks failed.
    #[error("load generator: {0}")]
    Io(#[from] io::Error),
    /// No histogram of three digits can be made.
    #[error("load generator: {0}")]
    Histogram(#[from] hdrhistogram::CreationError),
    /// A thread of the load generator died.
    #[error("load generator: a thread panicked")]
    Thread,
}

impl Measured {
    fn empty() -> Result<Self, DriveError> {
        Ok(Self {
            latency_us: Histogram::new_with_max(LATENCY_US_MAX, 3)?,
            errors: BTreeMap::new(),
            lost: 0,
            unanswered: 0,
            answer_bytes: 0,
            cpu: Duration::ZERO,
            samples: Vec::new(),
            ran_out: false,
        })
    }

    fn add(&mut self, other: Self) {
        // Both have the same bounds, so one always fits into the other.
        let _ = self.latency_us.add(&other.latency_us);
        for (status, count) in other.errors {
            *self.errors.entry(status).or_default() += count;
        }
        self.lost += other.lost;
        self.unanswered += other.unanswered;
        self.answer_bytes += other.answer_bytes;
        self.samples.extend(other.samples);
        self.ran_out |= other.ran_out;
    }
}

/// Runs the load and waits for its end.
///
/// # Errors
/// When the server can't be reached, breaks HTTP, or the system runs out of something.
pub fn run(load: &Load, workload: &Workload) -> Result<Measured, DriveError> {
    let threads = load.threads.clamp(1, load.connections.max(1));
    let mut streams: Vec<Vec<Wire>> = (0..threads).map(|_| Vec::new()).collect();
    // All are open before the first request: connecting is not part of the measure.
    for number in 0..load.connections {
        streams[number % threads].push(load.target.connect()?);
    }
    let measure_from = Instant::now() + load.warmup;
    let stop_at = measure_from + load.window;
    let mut total = Measured::empty()?;
    std::thread::scope(|scope| {
        let mut workers = Vec::with_capacity(threads);
        for (number, streams) in streams.into_iter().enumerate() {
            let serials = (u64::try_from(number).unwrap_or(0), u64::try_from(threads).unwrap_or(1));
            let worker = Worker::new(load, workload, serials, measure_from, stop_at);
            workers.push(scope.spawn(move || worker?.work(streams)));
        }
        std::thread::sleep(measure_from.saturating_duration_since(Instant::now()));
        let cpu_before = process_cpu();
        std::thread::sleep(stop_at.saturating_duration_since(Instant::now()));
        total.cpu = process_cpu().saturating_sub(cpu_before);
        for worker in workers {
            total.add(worker.join().map_err(|_| DriveError::Thread)??);
        }
        Ok(total)
    })
}

/// Sends one GET request and waits for its answer: what is asked before a run.
///
/// # Errors
/// As [`run`].
pub fn get(target: &Target, path: &str) -> Result<(u16, Vec<u8>), DriveError> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", target.host);
    Exchange::connect(target)?.send(request.as_bytes())
}

/// A connection for one request after the other, where nobody looks at the clock.
#[derive(Debug)]
pub struct Exchange {
    stream: Wire,
    buffer: Vec<u8>,
}

impl Exchange {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub fn connect(target: &Target) -> Result<Self, DriveError> {
        Ok(Self { stream: target.connect()?, buffer: vec![0; READ_BYTES] })
    }

    /// Sends a request and waits for its answer's status and body.
    ///
    /// # Errors
    /// When the connection breaks, or the answer isn't HTTP.
    pub fn send(&mut self, request: &[u8]) -> Result<(u16, Vec<u8>), DriveError> {
        self.stream.write_all(request)?;
        self.stream.flush()?;
        let (mut reader, mut body) = (AnswerReader::default(), Vec::new());
        loop {
            let count = self.stream.read(&mut self.buffer)?;
            if count == 0 {
                return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
            }
            if let Some(answer) = reader.feed(&self.buffer[..count], Some(&mut body))? {
                return Ok((answer.status, body));
            }
        }
    }
}

struct Worker<'a> {
    load: &'a Load,
    workload: &'a Workload,
    next_serial: u64,
    serial_step: u64,
    measure_from: Instant,
    stop_at: Instant,
    epoll: OwnedFd,
    connections: Vec<Connection>,
    under_way: usize,
    measured: Measured,
}

struct Connection {
    stream: Wire,
    serial: u64,
    request: Vec<u8>,
    sent: usize,
    started: Instant,
    reader: AnswerReader,
    sample: Option<Vec<u8>>,
}

impl<'a> Worker<'a> {
    fn new(
        load: &'a Load,
        workload: &'a Workload,
        (next_serial, serial_step): (u64, u64),
        measure_from: Instant,
        stop_at: Instant,
    ) -> Result<Self, DriveError> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(io::Error::from)?;
        let (connections, measured) = (Vec::new(), Measured::empty()?);
        Ok(Self {
            load,
            workload,
            next_serial,
            serial_step,
            measure_from,
            stop_at,
            epoll,
            connections,
            under_way: 0,
            measured,
        })
    }

    fn work(mut self, streams: Vec<Wire>) -> Result<Measured, DriveError> {
        for (place, stream) in streams.into_iter().enumerate() {
            self.connections.push(Connection {
                stream: self.register(place, stream)?,
                serial: 0,
                request: Vec::new(),
                sent: 0,
                started: Instant::now(),
                reader: AnswerReader::default(),
                sample: None,
            });
        }
        for place in 0..self.connections.len() {
            self.begin(place)?;
        }
        let mut buffer = vec![0; READ_BYTES];
        let mut events: Vec<epoll::Event> = Vec::with_capacity(EVENTS);
        let give_up_at = self.stop_at + DRAIN;
        while self.under_way > 0 && Instant::now() < give_up_at {
            match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&TICK)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(io::Error::from(errno).into()),
            }
            for event in events.drain(..) {
                let place = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
                self.ready(place, event.flags, &mut buffer)?;
            }
        }
        self.measured.unanswered = u64::try_from(self.under_way).unwrap_or(u64::MAX);
        Ok(self.measured)
    }

    fn register(&self, place: usize, stream: Wire) -> io::Result<Wire> {
        stream.set_nonblocking(true)?;
        epoll::add(&self.epoll, &stream, event_data(place), epoll::EventFlags::IN)
            .map_err(io::Error::from)?;
        Ok(stream)
    }

    fn begin(&mut self, place: usize) -> Result<(), DriveError> {
        if !self.workload.has(self.next_serial) {
            self.measured.ran_out = true;
            return Ok(());
        }
        let connection = &mut self.connections[place];
        connection.serial = self.next_serial;
        self.next_serial += self.serial_step;
        self.workload.fill(&mut connection.request, connection.serial);
        let sampled = self.load.sample_every > 0 && connection.serial.is_multiple_of(self.load.sample_every);
        connection.sample = sampled.then(Vec::new);
        connection.sent = 0;
        connection.started = Instant::now();
        self.under_way += 1;
        self.send(place)
    }

    fn send(&mut self, place: usize) -> Result<(), DriveError> {
        let connection = &mut self.connections[place];
        let was_blocked = connection.sent > 0;
        loop {
            let rest = &connection.request[connection.sent..];
            let sent = if rest.is_empty() {
                connection.stream.flush().map(|()| 0)
            } else {
                connection.stream.write(rest)
            };
            match sent {
                Ok(_) if rest.is_empty() => break,
                Ok(count) => connection.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(self.watch(place, epoll::EventFlags::IN | epoll::EventFlags::OUT)?);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The server hung up; the read that follows finds out, and takes the answer that it may have left.
                Err(_) => return Ok(self.watch(place, epoll::EventFlags::IN)?),
            }
        }
        if was_blocked { Ok(self.watch(place, epoll::EventFlags::IN)?) } else { Ok(()) }
    }

    fn watch(&self, place: usize, flags: epoll::EventFlags) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, &self.connections[place].stream, event_data(place), flags)?)
    }

    fn ready(&mut self, place: usize, flags: epoll::EventFlags, buffer: &mut [u8]) -> Result<(), DriveError> {
        if flags.contains(epoll::EventFlags::OUT) {
            self.send(place)?;
        }
        if !flags.intersects(epoll::EventFlags::IN | epoll::EventFlags::HUP | epoll::EventFlags::ERR) {
            return Ok(());
        }
        // What TLS has read and not handed out wakes nobody.
        loop {
            let connection = &mut self.connections[place];
            match connection.stream.read(buffer) {
                Ok(0) => return self.lost(place),
                Ok(count) => {
                    let answer = connection.reader.feed(&buffer[..count], connection.sample.as_mut())?;
                    if let Some(answer) = answer {
                        return self.finish(place, answer);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return self.lost(place),
            }
        }
    }

    fn finish(&mut self, place: usize, answer: Answer) -> Result<(), DriveError> {
        self.under_way -= 1;
        let (now, connection) = (Instant::now(), &mut self.connections[place]);
        let success = (200..300).contains(&answer.status) || answer.status == NOT_MODIFIED;
        if success && let Some(body) = connection.sample.take() {
            self.measured.samples.push(Sample { serial: connection.serial, body });
        }
        if now >= self.measure_from && now < self.stop_at {
            if success {
                let latency = now.duration_since(connection.started).as_micros();
                self.measured.latency_us.saturating_record(u64::try_from(latency).unwrap_or(u64::MAX));
                self.measured.answer_bytes += answer.body_bytes;
            } else {
                *self.measured.errors.entry(answer.status).or_default() += 1;
            }
        }
        let reopen = answer.closes || connection.sent < connection.request.len();
        self.go_on(place, reopen)
    }

    fn lost(&mut self, place: usize) -> Result<(), DriveError> {
        self.under_way -= 1;
        self.measured.lost += 1;
        self.go_on(place, true)
    }

    /// Sends the connection's next request, over a new socket where the old one is of no more use.
    fn go_on(&mut self, place: usize, reopen: bool) -> Result<(), DriveError> {
        if Instant::now() >= self.stop_at {
            // Whatever still happens on it is no answer to anything.
            return Ok(epoll::delete(&self.epoll, &self.connections[place].stream).map_err(io::Error::from)?);
        }
        if reopen {
            // Closing the old socket takes it out of the epoll set.
            self.connections[place].stream = self.register(place, self.load.target.connect()?)?;
            self.connections[place].reader = AnswerReader::default();
        }
        self.begin(place)
    }
}

fn event_data(place: usize) -> epoll::EventData {
    epoll::EventData::new_u64(u64::try_from(place).unwrap_or(u64::MAX))
}

fn process_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}
