mod contexts;
mod output;
mod selection;
