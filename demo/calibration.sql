-- Is a confidence of 80% right eight times of ten? What a live model said of titles that were held out from it, plotted in
-- the terminal and, with -v svg=FILE, as a picture. For a model of yours:
--     psql -v taxonomy=shop -v svg=calibration.svg -f demo/calibration.sql
\if :{?taxonomy} \else
SELECT current_setting('categorize.taxonomy') AS taxonomy \gset
\endif

SELECT count(*) > 0 AS live FROM categorize.local_models WHERE active AND taxonomy = :'taxonomy' \gset
\if :live \else
\warn 'No trained model of' :taxonomy 'is live: run categorize.train() first.'
\quit
\endif

-- A row for each fifteenth of the scale that has examples. From low to high: where the true share lies nine times of ten, as
-- far as so few examples can tell (Wilson, 1927).
\set bins 'SELECT confidence_from, confidence_to, examples, confidence, accuracy, (accuracy + z * z / (2 * examples) - spread) / (1 + z * z / examples) AS low, (accuracy + z * z / (2 * examples) + spread) / (1 + z * z / examples) AS high FROM (SELECT *, z * sqrt(accuracy * (1 - accuracy) / examples + z * z / (4.0 * examples * examples)) AS spread FROM categorize.calibration, (SELECT 1.645::float8) n (z) WHERE active AND taxonomy = :''taxonomy'' AND examples > 0) c'

SELECT format('%s to %s %%', round(100 * confidence_from::numeric), round(100 * confidence_to::numeric)) AS "sure",
       examples AS titles,
       round(100 * confidence::numeric, 1) AS "promised %",
       round(100 * accuracy::numeric, 1) AS "right %",
       overlay(rpad(repeat('█', round(40 * accuracy)::int), 41, '·') PLACING '┃' FROM round(40 * confidence)::int + 1 FOR 1)
           AS "█ right    ┃ promised"
  FROM (:bins) b ORDER BY confidence_from;

\if :{?svg}
-- The plot is a square of 420 points, its lower left corner at 76, 486.
\set QUIET on
\t on
\pset format unaligned
\o :svg
SELECT format($svg$<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 540 572" font-family="Helvetica, Arial, sans-serif" font-size="13" fill="#222" role="img">
<title>Calibration of the local model</title>
<rect width="540" height="572" fill="#fff"/>
<text x="20" y="26" font-size="16" font-weight="bold">Local model of %s, version %s</text>
<text x="20" y="44" fill="#666">%s held-out titles, expected calibration error %s</text>$svg$,
              replace(replace(taxonomy, '&', '&amp;'), '<', '&lt;'), version, (SELECT sum(examples) FROM (:bins) b), round(calibration_error::numeric, 3))
  FROM categorize.local_models WHERE active AND taxonomy = :'taxonomy';

SELECT format($svg$<path d="M%s 66V486M76 %sH496" stroke="#ddd"/>
<text x="%s" y="504" text-anchor="middle">%s%%</text><text x="70" y="%s" text-anchor="end">%s%%</text>$svg$,
              76 + 4.2 * p, 486 - 4.2 * p, 76 + 4.2 * p, p, 490.5 - 4.2 * p, p)
  FROM generate_series(0, 100, 20) p;

SELECT $svg$<path d="M76 486L496 66" stroke="#888" stroke-dasharray="5 4"/>
<text x="286" y="526" text-anchor="middle">confidence: what was promised</text>
<text transform="translate(24 276) rotate(-90)" text-anchor="middle">accuracy: what was right</text>
<text x="286" y="546" text-anchor="middle" font-size="11" fill="#666">Larger: more titles. Bars: where the true share lies nine times of ten.</text>
<text x="286" y="561" text-anchor="middle" font-size="11" fill="#666">On the dashed line the promise is kept.</text>$svg$;

SELECT format($svg$<path d="M%s 66V486" stroke="#b5482a"/><text x="%s" y="84" text-anchor="end" fill="#b5482a">answers from %s%% on</text>$svg$,
              x, x - 5, round(100 * threshold::numeric))
  FROM categorize.local_models, LATERAL (SELECT round((76 + 420 * least(threshold, 1))::numeric, 1)) p (x)
 WHERE active AND taxonomy = :'taxonomy';

SELECT format($svg$<g fill="#2a6fb5" stroke="#2a6fb5"><title>%1$s titles: %2$s%% promised, %3$s%% right</title><path d="M%4$s %5$sV%6$s" stroke-opacity="0.5"/><circle cx="%4$s" cy="%7$s" r="%8$s" fill-opacity="0.6"/></g>$svg$,
              examples, round(100 * confidence::numeric, 1), round(100 * accuracy::numeric, 1), round((76 + 420 * confidence)::numeric, 1),
              round((486 - 420 * low)::numeric, 1), round((486 - 420 * high)::numeric, 1), round((486 - 420 * accuracy)::numeric, 1),
              round((2 + 14 * sqrt(examples / max(examples) OVER ()::float8))::numeric, 1))
  FROM (:bins) b;

SELECT '</svg>';
\o
\t off
\pset format aligned
\endif
