//! SQLite's dialect, with the precedence it gives to `||`, `->` and `->>`.

use std::any::TypeId;

use sqlparser::ast::{DataType, Expr, Ident, ObjectName, ObjectNamePart, Query, SetExpr};
use sqlparser::dialect::{Dialect, Precedence, SQLiteDialect};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, Tokenizer, Whitespace};

use crate::Error;

/// The most tokens of a query. Chains of operators become deep trees, and a plugin's stack is bounded.
const MAX_TOKENS: usize = 3000;
/// How deep parentheses and sub-selects may nest.
const MAX_DEPTH: usize = 40;

#[derive(Debug)]
struct Views(SQLiteDialect);

impl Dialect for Views {
    fn dialect(&self) -> TypeId {
        TypeId::of::<SQLiteDialect>()
    }

    fn is_delimited_identifier_start(&self, letter: char) -> bool {
        self.0.is_delimited_identifier_start(letter)
    }

    fn is_identifier_start(&self, letter: char) -> bool {
        self.0.is_identifier_start(letter)
    }

    fn is_identifier_part(&self, letter: char) -> bool {
        self.0.is_identifier_part(letter)
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_in_empty_list(&self) -> bool {
        true
    }

    fn supports_limit_comma(&self) -> bool {
        true
    }

    fn supports_is_operator(&self) -> bool {
        true
    }

    fn supports_notnull_operator(&self) -> bool {
        true
    }

    fn supports_comma_separated_trim(&self) -> bool {
        true
    }

    fn supports_string_literal_column_names(&self) -> bool {
        true
    }

    fn supports_bitwise_shift_operators(&self) -> bool {
        true
    }

    fn supports_parens_around_table_factor(&self) -> bool {
        true
    }

    fn supports_window_clause_named_window_reference(&self) -> bool {
        true
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        self.0.prec_value(precedence)
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        match parser.peek_token_ref().token {
            // Above multiplication.
            Token::StringConcat | Token::Arrow | Token::LongArrow => Some(Ok(45)),
            ref token if is_null_test(token) => Some(Ok(self.prec_value(Precedence::Is))),
            _ => self.0.get_next_precedence(parser),
        }
    }

    fn parse_infix(
        &self,
        parser: &mut Parser,
        left: &Expr,
        precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        if is_null_test(&parser.peek_token_ref().token) {
            parser.advance_token();
            return Some(Ok(Expr::IsNull(Box::new(left.clone()))));
        }
        self.0.parse_infix(parser, left, precedence)
    }

    /// Any words, and numbers in parentheses: SQLite has no list of types.
    fn parse_data_type(&self, parser: &mut Parser) -> Option<Result<DataType, ParserError>> {
        let mut words = Vec::new();
        while let Token::Word(word) = &parser.peek_token_ref().token {
            words.push(word.value.clone());
            parser.advance_token();
        }
        let mut name = words.join(" ");
        if !name.is_empty() && parser.consume_token(&Token::LParen) {
            name.push('(');
            loop {
                let token = parser.next_token().token;
                match token {
                    Token::Number(number, _) => name.push_str(&number),
                    Token::Comma => name.push(','),
                    Token::Minus | Token::Plus => {}
                    Token::RParen => break,
                    _ => {
                        return Some(Err(ParserError::ParserError("a type".to_owned())));
                    }
                }
            }
            name.push(')');
        }
        let name = ObjectName(vec![ObjectNamePart::Identifier(Ident::new(name))]);
        Some(Ok(DataType::Custom(name, Vec::new())))
    }
}

fn is_null_test(token: &Token) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("isnull"))
}

/// Reads one SELECT.
pub(crate) fn parse(text: &str) -> Result<Query, Error> {
    let dialect = Views(SQLiteDialect {});
    let tokens = Tokenizer::new(&dialect, text)
        .tokenize_with_location()
        .map_err(|error| Error::new(format!("unrecognized token: {}", error.message)))?;
    if tokens.len() > MAX_TOKENS {
        return Err(Error::new(format!(
            "the query has more than {MAX_TOKENS} words and signs"
        )));
    }
    let words = |token: &&sqlparser::tokenizer::TokenWithSpan| {
        !matches!(token.token, Token::Whitespace(_) | Token::SemiColon)
    };
    let last_comment = tokens
        .iter()
        .rev()
        .find(|token| words(token) || is_comment(&token.token));
    // PocketBase puts the text in parentheses, so it must not end in a comment.
    if last_comment.is_some_and(|token| {
        matches!(
            &token.token,
            Token::Whitespace(Whitespace::SingleLineComment { .. })
        )
    }) {
        return Err(Error::syntax("incomplete input"));
    }
    let first = tokens.iter().find(words).map(|token| token.token.clone());
    let semicolon = tokens
        .iter()
        .position(|token| token.token == Token::SemiColon);
    if let Some(at) = semicolon
        && tokens[at..].iter().any(|token| words(&token))
    {
        return Err(Error::new("multiple statements are not supported"));
    }
    // A lone word is read as the name of a table.
    let significant = tokens.iter().filter(words).count();
    if let (Some(Token::Word(word)), 1) = (&first, significant) {
        return Err(Error::no_table(&word.value));
    }
    let near = |token: &Token| {
        // PocketBase puts the text in parentheses.
        let text = match token {
            Token::EOF => ")".to_owned(),
            other => other.to_string(),
        };
        Error {
            may_be_postgres: true,
            ..Error::syntax(&format!("near \"{text}\": syntax error"))
        }
    };
    let Some(first) = first else {
        return Err(near(&Token::EOF));
    };
    let mut parser = Parser::new(&dialect)
        .with_recursion_limit(MAX_DEPTH)
        .with_tokens_with_locations(tokens);
    // Not `parse_statement`: the other statements would be a large part of the component.
    match parser.parse_query() {
        Ok(query) => {
            while parser.consume_token(&Token::SemiColon) {}
            match (&*query.body, &parser.peek_token_ref().token) {
                (
                    SetExpr::Insert(_)
                    | SetExpr::Update(_)
                    | SetExpr::Delete(_)
                    | SetExpr::Merge(_),
                    _,
                ) => Err(near(&first)),
                (_, Token::EOF) => Ok(*query),
                (_, token) => Err(near(token)),
            }
        }
        Err(ParserError::RecursionLimitExceeded) => {
            Err(Error::new("the query is nested too deeply"))
        }
        Err(_) => Err(near(&parser.peek_token_ref().token)),
    }
}

/// Whether the text has a `::`.
pub(crate) fn has_double_colon(text: &str) -> bool {
    Tokenizer::new(&Views(SQLiteDialect {}), text)
        .tokenize()
        .is_ok_and(|tokens| tokens.contains(&Token::DoubleColon))
}

fn is_comment(token: &Token) -> bool {
    matches!(
        token,
        Token::Whitespace(Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_))
    )
}
