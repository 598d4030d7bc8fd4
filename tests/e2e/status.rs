mod output;
mod selection;
