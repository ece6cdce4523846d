# Cuts a Markdown file into the blocks that tests/docs/run executes: for block N it writes OUT/N.sql, OUT/N.meta (line,
# kind) and, where a ```text block follows at once, OUT/N.text (what is expected) and OUT/N.textline.
#
# With UPDATE=1 it prints the file instead, each expected output replaced by OUT/N.actual.

function close_block() { if (file) close(file); file = "" }

/^```/ && !inside {
    inside = 1
    info = substr($0, 4)
    file = ""
    if (info ~ /^sql( |$)/) {
        kind = "run"
        if (info ~ /^sql skip/) kind = "skip"
        if (info ~ /^sql error/) kind = "error"
        if (info ~ /^sql skip *$/) kind = "unexplained"
        block++
        printf "%d %s\n", NR, kind > (OUT "/" block ".meta")
        close(OUT "/" block ".meta")
        file = OUT "/" block ".sql"
        printf "" > file
        follows = (kind == "run" || kind == "error") ? block : 0
    } else if (info == "text" && follows) {
        if (UPDATE) {
            print
            while ((getline line < (OUT "/" follows ".actual")) > 0) print line
            replacing = 1
        } else {
            print NR > (OUT "/" follows ".textline")
            close(OUT "/" follows ".textline")
            file = OUT "/" follows ".text"
            printf "" > file
        }
        follows = 0
    } else {
        follows = 0
    }
    if (UPDATE && !replacing) print
    next
}
/^```/ && inside {
    inside = 0
    close_block()
    replacing = 0
    if (UPDATE) print
    next
}
inside {
    if (file) print > file
    if (UPDATE && !replacing) print
    next
}
{
    if ($0 !~ /^[ \t]*$/) follows = 0
    if (UPDATE) print
}
