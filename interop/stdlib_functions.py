"""Which functions of the evaluator's library are compared with a BEAM's, and what they are called with.

`name kind kind; ...` for each module, or a line for each; the kinds are those of `stdlib_arguments.py`.
"""

from __future__ import annotations

from typing import Final

FUNCTIONS: Final = {
    "lists": """
        append list list; append lists; subtract list list; concat things; join leaf list; all test list
        duplicate count leaf; flatten nested; flatten nested list; flatlength nested; seq integer integer
        seq integer integer integer; enumerate list; enumerate integer list
        enumerate integer integer list; reverse list; reverse list list; nth count list
        nthtail count list; last list; droplast list; sublist list count; sublist list count count
        split count list; delete leaf list; uniq list; member leaf list; prefix integers integers
        suffix integers integers; max list; min list; sum numbers; zip integers integers
        zip integers integers pad; zip3 integers integers integers; unzip pairs; unzip3 triples
        map one_fun integers; foreach test list; flatmap list_fun lists; filter test list
        filtermap test list; partition test list; any test list; search test list; takewhile test list
        dropwhile test list; splitwith test list; foldl two_fun integer integers
        foldr two_fun integer integers; mapfoldl two_fun integer integers
        zipwith two_fun integers integers; uniq test list; keyfind key count pairs
        keysearch key count triples; keymember key count pairs; keydelete key count pairs
        keytake key count pairs; keyreplace key count pairs pair; keystore key count pairs pair
        keymap test count pairs; keysort count pairs; ukeysort count pairs; keymerge count pairs pairs
        sort orderly; usort orderly; merge sorted sorted; merge sorteds; umerge ordset ordset
        umerge ordsets; merge3 sorted sorted sorted; umerge3 ordset ordset ordset; sort less orderly
        usort less orderly; merge less sorted sorted; zf test list; zipwith two_fun integers integers pad
    """,
    "maps": """
        get key map; get key map leaf; find key map; is_key key map; put key leaf map; update key leaf map
        remove key map; take key map; size map; from_list pairs; from_keys keys leaf; merge map map
        intersect map map; with keys map; without keys map; map two_fun map; filter two_test map
        update_with key one_fun map; update_with key one_fun leaf map; groups_from_list test list
        merge_with three_fun map map; fold three_fun list map; foreach two_fun map; new
    """,
    "string": """
        is_empty string; length string; to_graphemes string; equal string string
        equal string string =bool; reverse string; slice string count; slice string count count
        uppercase string; lowercase string; casefold string; titlecase string; next_grapheme string
        next_codepoint string; prefix string pattern; find string pattern
        find string pattern =leading|trailing; split string pattern
        split string pattern =leading|trailing|all; replace string pattern pattern
        replace string pattern pattern =leading|trailing|all; lexemes string seps
        nth_lexeme string count seps; len plain; concat plain plain; join words pattern_list
        tokens plain seps; words plain; chr plain char; rchr plain char; str plain pattern_list
        rstr plain pattern_list; span plain seps; cspan plain seps; substr plain count
        substr plain count count; sub_string plain count count; sub_word plain count; chars char count
        copies plain count; strip plain; strip plain =left|right|both; strip plain =left|right|both char
        left plain count; right plain count char; centre plain count; to_upper chars; to_lower chars
        trim string; trim string =leading|trailing|both; trim string =leading|trailing|both seps
        chomp string; take string seps; take string seps =bool; take string seps =bool =leading|trailing
        pad string count; pad string count =leading|trailing|both
        pad string count =leading|trailing|both char; to_integer numeral; to_float numeral
    """,
    "math": """
        sin small; cos small; tan small; asin small; acos small; atan small; sinh small; cosh small
        tanh small; exp small; log small; log2 small; log10 small; sqrt small; ceil small; floor small
        pow small small; atan2 small small; fmod small small; pi
    """,
    "proplists": """
        get_value key properties; get_value key properties leaf; get_bool key properties
        get_all_values key properties; lookup key properties; lookup_all key properties
        is_defined key properties; append_values key properties; delete key properties; property pair
        property key leaf; compact properties; unfold properties; split properties keys; to_map pairs
    """,
    "orddict": """
        new; size orddict; is_empty orddict; from_list pairs; to_list orddict; is_key count orddict
        find count orddict; fetch count orddict; fetch_keys orddict; erase count orddict
        take count orddict; store count leaf orddict; append count leaf orddict
        append_list count list orddict; update count one_fun orddict; update count one_fun leaf orddict
        update_counter count integer orddict; map two_fun orddict; filter two_test orddict
        fold three_fun list orddict; merge three_fun orddict orddict
    """,
    "ordsets": """
        new; is_set list; size ordset; is_empty ordset; to_list ordset; from_list orderly
        is_element count ordset; add_element count ordset; del_element count ordset; union ordset ordset
        union ordsets; intersection ordset ordset; intersection ordsets; subtract ordset ordset
        is_disjoint ordset ordset; is_subset ordset ordset; fold two_fun integer ordset
        filter test ordset; map one_fun ordset
    """,
    "sets": """
        from_list keys version; size set; is_element atom set; add_element atom set; del_element atom set
        is_equal set set; is_subset set set; is_disjoint set set; union set set; intersection set set
        subtract set set; is_set set; filter test set; map one_fun set; is_empty set
    """,
    "queue": """
        new; is_queue queue; is_empty queue; len queue; to_list queue; from_list list; member leaf queue
        in leaf queue; in_r leaf queue; out queue; out_r queue; get queue; get_r queue; peek queue
        peek_r queue; drop queue; drop_r queue; head queue; last queue; tail queue; init queue
        snoc queue leaf; cons leaf queue; daeh queue; reverse queue; join queue queue; split count queue
        filter test queue; fold two_fun integer queue; any test queue; all test queue
        delete integer queue; from_list integers
    """,
    "erlang": """
        integer_to_list big; integer_to_list big base; integer_to_binary big; integer_to_binary big base
        list_to_integer numeral_list; list_to_integer numeral_list base; binary_to_integer numeral_binary
        binary_to_integer numeral_binary base; float_to_list real; float_to_list real float_options
        float_to_binary real; float_to_binary real float_options; list_to_float numeral_list
        binary_to_float numeral_binary; atom_to_list atom; atom_to_binary atom
        atom_to_binary atom =utf8|latin1|unicode; list_to_atom chars; binary_to_atom binary
        binary_to_atom binary =utf8|latin1; list_to_tuple list; tuple_to_list pair; make_tuple count leaf
        make_tuple count leaf pairs; append_element pair leaf; insert_element count pair leaf
        delete_element count pair; iolist_to_binary some_bytes; iolist_size some_bytes
        list_to_binary iolist; binary_to_list binary; binary_to_list binary count count
        split_binary binary count; bitstring_to_list bits; list_to_bitstring bit_list; phash2 term
        phash2 term count; md5 some_bytes; crc32 some_bytes; crc32 count some_bytes; adler32 some_bytes
        binary_to_term binary; term_to_binary leaf; + number number; - number number; * number number
        / number number; div big big; rem big big; band big big; bor big big; bxor big big; bnot big
        bsl big count; bsr big count; abs number; float number; trunc number; round number; floor number
        ceil number; == leaf leaf; =:= leaf leaf; < term term; >= term term; max leaf leaf; min leaf leaf
        not =bool; and =bool =bool; or =bool =bool; xor =bool =bool; element count pair
        setelement count pair leaf; hd list; tl list; length list; byte_size binary; bit_size bits
        tuple_size pair; map_size map; map_get key map; is_map_key key map
        binary_part binary count integer; binary_part binary part; ++ list list; -- list list
        is_function one_fun integer; is_record pair atom; size pair
    """,
    "binary": """
        match binary needle; matches binary needle; split binary needle; split binary needle split_options
        replace binary needle needle_binary; replace binary needle needle_binary replace_options
        at binary count; first binary; last binary; part binary count integer; part binary part
        bin_to_list binary; bin_to_list binary part; bin_to_list binary count count; copy binary
        copy binary count; longest_common_prefix binaries; longest_common_suffix binaries
        encode_unsigned count; encode_unsigned big; encode_unsigned big =big|little
        decode_unsigned binary; decode_unsigned binary =big|little; encode_hex binary
        encode_hex binary =lowercase|uppercase; decode_hex numeral_binary; list_to_bin iolist
        match binary needle scope
    """,
    "unicode": """
        characters_to_list chardata; characters_to_binary chardata; characters_to_list binary
        characters_to_list binary =latin1|utf8|unicode|utf16; characters_to_binary string
        characters_to_binary binary =latin1|utf8 =utf8|latin1|utf16|utf32; bom_to_encoding binary
        encoding_to_bom =utf8|utf16|utf32|latin1; characters_to_nfc_list string
        characters_to_nfd_binary string; characters_to_nfkc_binary string; characters_to_nfkd_list string
    """,
    "base64": """
        encode binary; encode bytes; encode_to_string binary; decode base64; decode_to_string base64
    """,
    "crypto": """
        hash =md5|sha|sha256|sha512|sha3_256 some_bytes; mac =hmac =sha256|md5 binary some_bytes
    """,
    "calendar": """
        is_leap_year year; last_day_of_the_month year month; valid_date date; valid_date year month day
        date_to_gregorian_days date; gregorian_days_to_date days; day_of_the_week date
        iso_week_number new_date; time_to_seconds time; seconds_to_time seconds
        seconds_to_daystime seconds; datetime_to_gregorian_seconds moment
        gregorian_seconds_to_datetime days; time_difference moment moment; now_to_datetime now
    """,
    "io_lib": """
        format format list; printable_unicode_list chars; printable_latin1_list chars; char_list list
        latin1_char_list chars; write_atom atom; write_string plain; chars_length chardata
        deep_char_list nested; nl
    """,
    "re": """
        run binary expression; run binary expression run_options; run string expression
        split ascii_binary expression split_return; replace ascii_binary expression replacement replace_return
    """,
}
