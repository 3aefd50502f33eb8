#!/bin/sh
# Draws every icon from source/*.svg. Needs rsvg-convert, png2icns and icotool (Debian: librsvg2-bin icnsutils icoutils).
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# size -> PNG; small ones have a drawing of their own.
app() {
    source=source/app.svg
    [ "$1" -le 48 ] && source=source/app-small.svg
    rsvg-convert -w "$1" -h "$1" "$source" -o "$2"
}

for size in 16 24 32 48 64 128 256 512 1024; do app $size "$work/$size.png"; done
cp "$work/32.png" 32x32.png
cp "$work/128.png" 128x128.png
cp "$work/256.png" 128x128@2x.png
cp "$work/512.png" icon.png
# What Linux wants beside those.
mkdir -p hicolor
for size in 16 24 48 64; do cp "$work/$size.png" hicolor/$size.png; done
png2icns icon.icns "$work/16.png" "$work/32.png" "$work/48.png" "$work/128.png" "$work/256.png" "$work/512.png" "$work/1024.png" >/dev/null
icotool -c -o icon.ico "$work/16.png" "$work/24.png" "$work/32.png" "$work/48.png" "$work/64.png" -r "$work/256.png"

# The tray: "light" for light bars (dark strokes), "dark" for dark bars, "any" for bars whose colour nobody tells (3 : 1 on white and on black), "template" for macOS, which looks at alpha only.
mkdir -p tray
for state in stopped running talking attention; do
    for bar in light:#1b1f27 dark:#f4f6fa any:#4a7bf0 template:#000000; do
        colour=${bar#*:}
        # Inside a mask black means "cut away" and stays.
        awk -v colour="$colour" '/<mask/ { inside = 1 } !inside { gsub("#000", colour) } /<\/mask>/ { inside = 0 } { print }' \
            "source/tray-$state.svg" >"$work/tray.svg"
        rsvg-convert -w 22 -h 22 "$work/tray.svg" -o "tray/$state-${bar%%:*}.png"
        rsvg-convert -w 44 -h 44 "$work/tray.svg" -o "tray/$state-${bar%%:*}@2x.png"
    done
done
