select
    signal_id::text as signal_id,
    outcome::text as outcome,
    ts::timestamp with time zone as ts,
    known_at::timestamp with time zone as known_at,
    price::double precision as price,
    r_multiple::double precision as r_multiple,
    bars_held::integer as bars_held
from {{ source('serving', 'signal_outcomes') }}
