-- Everything that the extension owns, one line an object, so that two ways of getting there can be compared.
WITH member AS (
    SELECT d.classid, d.objid
      FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
     WHERE e.extname = 'pg_categorize' AND d.deptype = 'e'
), relation AS (
    SELECT c.* FROM pg_class c JOIN member m ON m.objid = c.oid AND m.classid = 'pg_class'::regclass
), line AS (
    SELECT 'object ' || pg_describe_object(classid, objid, 0) AS line FROM member
    UNION ALL
    SELECT 'function ' || pg_get_functiondef(p.oid) || coalesce(p.proacl::text, 'no acl')
      FROM pg_proc p JOIN member m ON m.objid = p.oid AND m.classid = 'pg_proc'::regclass
    UNION ALL
    SELECT 'relation ' || r.relname || ' ' || r.relkind::text || ' ' || coalesce(r.relacl::text, 'no acl') || coalesce(r.reloptions::text, '')
      FROM relation r
    UNION ALL
    SELECT 'view ' || r.relname || ' ' || pg_get_viewdef(r.oid) FROM relation r WHERE r.relkind = 'v'
    UNION ALL
    SELECT concat_ws(' ', 'column', r.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid))
      FROM relation r
      JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum
    UNION ALL
    SELECT 'constraint ' || r.relname || ' ' || k.conname || ' ' || pg_get_constraintdef(k.oid)
      FROM relation r JOIN pg_constraint k ON k.conrelid = r.oid
    UNION ALL
    SELECT 'index ' || pg_get_indexdef(i.indexrelid) FROM relation r JOIN pg_index i ON i.indrelid = r.oid
    UNION ALL
    SELECT 'trigger ' || pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text
      FROM relation r JOIN pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal
    UNION ALL
    SELECT 'dumped ' || u.config::regclass || ' ' || u.condition
      FROM pg_extension e, unnest(e.extconfig, e.extcondition) u (config, condition) WHERE e.extname = 'pg_categorize'
    UNION ALL
    SELECT 'comment ' || pg_describe_object(d.classoid, d.objoid, d.objsubid) || ' ' || d.description
      FROM pg_description d JOIN member m ON m.classid = d.classoid AND m.objid = d.objoid
    UNION ALL
    SELECT 'shipped ' || t::text FROM categorize.taxonomy t WHERE id < 1000
    UNION ALL
    SELECT 'shipped ' || c::text FROM categorize.category c WHERE id < 1000
)
SELECT line FROM line ORDER BY line COLLATE "C"
