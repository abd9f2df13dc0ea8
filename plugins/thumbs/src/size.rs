/// What a thumb shall look like: `WxH`, with `t` (top), `b` (bottom) or `f` (fit) behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Width; 0 follows from the height.
    pub width: u32,
    /// Height; 0 follows from the width.
    pub height: u32,
    /// Which part is kept where the proportions differ.
    pub keep: Keep,
}

/// What is kept of a picture whose proportions differ from those of the thumb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The middle.
    Middle,
    /// The top, in the middle of its width.
    Top,
    /// The bottom, in the middle of its width.
    Bottom,
    /// Everything: the thumb is smaller than asked for in one direction.
    All,
}

impl Size {
    /// Reads a size.
    pub fn parse(text: &str) -> Option<Self> {
        let (size, keep) = match text.as_bytes().last()? {
            b't' => (text.strip_suffix('t')?, Keep::Top),
            b'b' => (text.strip_suffix('b')?, Keep::Bottom),
            b'f' => (text.strip_suffix('f')?, Keep::All),
            _ => (text, Keep::Middle),
        };
        let (width, height) = size.split_once('x')?;
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse().ok()).flatten()
        };
        let (width, height) = (number(width)?, number(height)?);
        (width > 0 || height > 0).then_some(Self {
            width,
            height,
            keep,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let size = |width, height, keep| {
            Some(Size {
                width,
                height,
                keep,
            })
        };
        for (text, expected) in [
            ("100x100", size(100, 100, Keep::Middle)),
            ("20x10t", size(20, 10, Keep::Top)),
            ("20x10b", size(20, 10, Keep::Bottom)),
            ("20x10f", size(20, 10, Keep::All)),
            ("0x15", size(0, 15, Keep::Middle)),
            ("20x0", size(20, 0, Keep::Middle)),
            ("0x0", None),
            ("x", None),
            ("10X10", None),
            ("-1x5", None),
            ("99999999999x1", None),
            ("", None),
        ] {
            assert_eq!(Size::parse(text), expected, "{text}");
        }
    }
}
