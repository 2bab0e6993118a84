"""What `scripts/bench` measures: one module for each part.

    codec      terms to bytes and back            data.py: which terms
    hosting    a GenServer that Elixir calls      over a real link, beside one on a second BEAM
    calling    Elixir's GenServer, called         from Python, beside a call from a second BEAM
    local      calls, casts and starts            within one node
    memory     an idle GenServer                  100,000 of them
    startup    the import, and an empty node
    growth     what one more of something costs   Python alone
    peers      other Python packages              those that are installed

All numbers are taken side by side: each round measures one, then the other, and a row shows
the medians and the median of the rounds' ratios.  So a machine that is busy with other things
shifts both.  Above 1 is faster, or smaller, than what stands beside it.
"""
