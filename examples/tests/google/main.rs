//! The reference host with Google Calendar, as its users meet it: the fake in the program, a server that has bad luck, tokens that
//! run out, and people who connect.

mod connect;
mod desk;
mod faked;
mod server;
mod tokens;
