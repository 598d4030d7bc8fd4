mod contexts;
mod output;
mod pages;
mod selection;
