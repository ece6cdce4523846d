//! Batches from the queue to the answers, without Postgres: the machine of the core, the clients of the three APIs, a store
//! in memory, and a provider that fails as told, in virtual time.

#[path = "batches/clients.rs"]
mod clients;
#[path = "batches/nights.rs"]
mod nights;
#[path = "batches/shop.rs"]
mod shop;
#[path = "batches/store.rs"]
mod store;
