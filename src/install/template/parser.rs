//! Parses the pieces of a template into nodes.

use std::collections::BTreeMap;

use super::TemplateResult;
use super::lexer::{Piece, Token, pieces};

#[derive(Debug, Clone)]
pub enum Node {
    Text(String),
    Print(Pipeline),
    Block(Block),
}

/// What an action does with its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    If,
    With,
    Range,
}

#[derive(Debug, Clone)]
pub struct Block {
    pub kind: BlockKind,
    pub subject: Pipeline,
    pub body: Vec<Node>,
    pub otherwise: Vec<Node>,
}

/// Calls; the result of each is the last argument of the next.
#[derive(Debug, Clone)]
pub struct Pipeline(pub Vec<Call>);

/// A function with arguments, or one operand.
#[derive(Debug, Clone)]
pub struct Call(pub Vec<Operand>);

#[derive(Debug, Clone)]
pub enum Operand {
    Token(Token),
    Nested(Pipeline),
}

/// Parses a file. Its definitions are added to `definitions`.
pub fn parse(
    template: &str,
    definitions: &mut BTreeMap<String, Vec<Node>>,
) -> TemplateResult<Vec<Node>> {
    let mut parser = Parser {
        pieces: pieces(template)?.into_iter(),
        definitions,
    };
    match parser.nodes()? {
        (nodes, Terminator::File) => Ok(nodes),
        _ => Err("an end or an else has no beginning".to_owned()),
    }
}

struct Parser<'a> {
    pieces: std::vec::IntoIter<Piece>,
    definitions: &'a mut BTreeMap<String, Vec<Node>>,
}

/// What ends a list of nodes.
#[derive(Debug, PartialEq, Eq)]
enum Terminator {
    File,
    Else,
    End,
}

impl Parser<'_> {
    fn nodes(&mut self) -> TemplateResult<(Vec<Node>, Terminator)> {
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
            let tokens = match piece {
                Piece::Text(text) => {
                    nodes.push(Node::Text(text));
                    continue;
                }
                Piece::Action(tokens) => tokens,
            };
            let (keyword, rest) = match tokens.split_first() {
                Some((Token::Word(word), rest)) => (word.as_str(), rest),
                _ => ("", tokens.as_slice()),
            };
            let kind = match keyword {
                "end" => return Ok((nodes, Terminator::End)),
                "else" if rest.is_empty() => return Ok((nodes, Terminator::Else)),
                "else" => return Err("else has no condition here".to_owned()),
                "define" => {
                    self.define(rest)?;
                    continue;
                }
                "if" => BlockKind::If,
                "with" => BlockKind::With,
                "range" => BlockKind::Range,
                _ => {
                    nodes.push(Node::Print(pipeline(&tokens)?));
                    continue;
                }
            };
            nodes.push(Node::Block(self.block(kind, pipeline(rest)?)?));
        }
        Ok((nodes, Terminator::File))
    }

    fn block(&mut self, kind: BlockKind, subject: Pipeline) -> TemplateResult<Block> {
        let (body, mut end) = self.nodes()?;
        let mut otherwise = Vec::new();
        if end == Terminator::Else {
            (otherwise, end) = self.nodes()?;
        }
        if end != Terminator::End {
            return Err("a block does not end".to_owned());
        }
        Ok(Block {
            kind,
            subject,
            body,
            otherwise,
        })
    }

    fn define(&mut self, rest: &[Token]) -> TemplateResult<()> {
        let [Token::Text(name)] = rest else {
            return Err("define needs a name".to_owned());
        };
        let (nodes, end) = self.nodes()?;
        if end != Terminator::End {
            return Err(format!("the definition of {name} does not end"));
        }
        self.definitions.insert(name.clone(), nodes);
        Ok(())
    }
}

fn pipeline(tokens: &[Token]) -> TemplateResult<Pipeline> {
    let mut tokens = tokens.iter();
    let pipeline = calls(&mut tokens)?;
    match tokens.next() {
        None => Ok(pipeline),
        Some(token) => Err(format!("unexpected {token:?}")),
    }
}

/// Parses up to the end of the action, or of the parentheses.
fn calls(tokens: &mut std::slice::Iter<'_, Token>) -> TemplateResult<Pipeline> {
    let (mut calls, mut operands) = (Vec::new(), Vec::new());
    loop {
        let token = tokens.next();
        match token {
            Some(Token::Open) => operands.push(Operand::Nested(self::calls(tokens)?)),
            None | Some(Token::Close | Token::Pipe) => {
                if operands.is_empty() {
                    return Err("a value is missing".to_owned());
                }
                calls.push(Call(std::mem::take(&mut operands)));
                if token != Some(&Token::Pipe) {
                    return Ok(Pipeline(calls));
                }
            }
            Some(token) => operands.push(Operand::Token(token.clone())),
        }
    }
}
