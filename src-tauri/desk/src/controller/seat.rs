//! The window's seat: one process attends at a time.

use tokio::sync::{mpsc, oneshot};

use super::{Controller, Event, Topic};
use crate::control::answer::Nothing;
use crate::failure::{Failure, FailureCode};
use crate::page::Page;
use crate::shell::Shell;
use crate::state::Window;

use super::reply::{Reply, value};

/// Who sits there, and the page that waits for one who comes.
#[derive(Debug, Default)]
pub(super) struct Seat {
    taken: Option<mpsc::Sender<Page>>,
    number: u64,
    first: Option<Page>,
}

impl<S: Shell> Controller<S> {
    /// A process says that it is the window.
    pub(super) fn attend(&mut self, pages: mpsc::Sender<Page>, reply: oneshot::Sender<Result<(), Failure>>) {
        if self.seat.taken.as_ref().is_some_and(|taken| !taken.is_closed()) {
            // Who is refused has gone when nobody hears it.
            let _ = reply.send(Err(Failure::bare(FailureCode::AlreadyRunning)));
            return;
        }
        self.seat.number += 1;
        let number = self.seat.number;
        let page = self.seat.first.take().unwrap_or(Page::Devices { device_key: None, remove: false });
        // The channel is new, so there is room.
        let _ = pages.try_send(page);
        let gone = pages.clone();
        self.work.spawn(async move {
            gone.closed().await;
            Event::Left(number)
        });
        self.seat.taken = Some(pages);
        self.state.window = Window::Open;
        self.trouble(Topic::Window, None);
        let _ = reply.send(Ok(()));
    }

    /// Its socket has closed.
    pub(super) fn left(&mut self, number: u64) {
        if self.seat.number == number {
            self.seat.taken = None;
            self.state.window = Window::Closed;
        }
    }

    /// Its process has ended; where it sat, its socket says so too.
    pub(super) fn window_ended(&mut self) {
        if self.state.window == Window::Opening {
            self.state.window = Window::Closed;
            self.seat.first = None;
        }
    }

    /// Opens the window at a page, or brings it to the front.
    pub(super) fn open(&mut self, page: Page, reply: Reply) {
        match (self.state.window, &self.seat.taken) {
            (Window::Open, Some(pages)) => match pages.try_send(page.clone()) {
                Ok(()) => reply.done(),
                // Its process is about to go: the next one shows the page.
                Err(mpsc::error::TrySendError::Closed(_)) => {
                    self.seat.taken = None;
                    self.start_window(page, reply);
                }
                Err(mpsc::error::TrySendError::Full(_)) => reply.fail(Failure::bare(FailureCode::TooMany)),
            },
            (Window::Opening, _) => {
                self.seat.first = Some(page);
                reply.done();
            }
            (Window::Open | Window::Closed, _) => self.start_window(page, reply),
        }
    }

    fn start_window(&mut self, page: Page, reply: Reply) {
        if !self.shell.is_desktop() {
            reply.fail(Failure::bare(FailureCode::NoDesktop));
            return;
        }
        match self.shell.open_window(&page) {
            Ok(()) => {
                self.seat.first = Some(page);
                self.state.window = Window::Opening;
                reply.send(value(&Nothing {}));
            }
            Err(failure) => {
                self.state.window = Window::Closed;
                self.trouble(Topic::Window, Some(failure.clone()));
                reply.fail(failure);
            }
        }
    }
}
