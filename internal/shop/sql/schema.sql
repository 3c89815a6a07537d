-- The runbook's shop. Keys and indexes are in keys.sql: made after the data, they take a third of the time.
-- Ids are compared byte by byte (COLLATE "C"), which makes their indexes several times cheaper.
-- Most references have no foreign key on purpose: this is how a shop comes by orphans.

CREATE TABLE customers (
    id          text COLLATE "C" NOT NULL,
    email       text,
    name        text NOT NULL,
    phone       text,
    referred_by text COLLATE "C",
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE products (
    id             text COLLATE "C" NOT NULL,
    name           text NOT NULL,
    price          numeric(19,2) NOT NULL,
    stock_quantity integer,
    version        bigint NOT NULL DEFAULT 0,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now()
);

-- Stock movements: what came in is positive, what went out is negative.
CREATE TABLE inventory (
    id         text COLLATE "C" NOT NULL,
    product_id text COLLATE "C" NOT NULL,
    quantity   integer NOT NULL,
    reason     text NOT NULL CHECK (reason IN ('RECEIPT', 'SALE', 'RETURN', 'ADJUSTMENT')),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE orders (
    id           text COLLATE "C" NOT NULL,
    customer_id  text COLLATE "C", -- NULL: ordered as a guest
    status       text NOT NULL CHECK (status IN ('PENDING', 'COMPLETED', 'CANCELLED', 'REFUNDED')),
    currency     text NOT NULL CHECK (length(currency) = 3),
    total_amount numeric(19,2),
    note         text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE order_items (
    id         text COLLATE "C" NOT NULL,
    order_id   text COLLATE "C",
    product_id text COLLATE "C", -- NULL: a line without a product, such as postage
    quantity   integer NOT NULL,
    unit_price numeric NOT NULL, -- no fixed scale: some goods are priced per gram
    created_at timestamptz NOT NULL DEFAULT now()
);

-- One row per attempt. Refunds are rows of their own, with status REFUNDED and a positive amount.
CREATE TABLE payments (
    id           text COLLATE "C" NOT NULL,
    order_id     text COLLATE "C", -- NULL: money not yet allocated
    amount       numeric(19,2) NOT NULL CHECK (amount > 0),
    currency     text NOT NULL CHECK (length(currency) = 3),
    status       text NOT NULL CHECK (status IN ('PENDING', 'COMPLETED', 'FAILED', 'REFUNDED')),
    provider_ref text,
    refund_of    text COLLATE "C",
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE domain_events (
    event_id       text COLLATE "C" NOT NULL,
    aggregate_type text NOT NULL,
    aggregate_id   text COLLATE "C" NOT NULL,
    version        integer NOT NULL,
    cause_version  integer, -- the version of the same aggregate that led to this event
    event_type     text NOT NULL,
    payload        jsonb NOT NULL,
    occurred_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE processed_events (
    event_id     text COLLATE "C" NOT NULL,
    processed_at timestamptz NOT NULL DEFAULT now()
);

-- As Flyway makes it.
CREATE TABLE flyway_schema_history (
    installed_rank integer NOT NULL,
    version        varchar(50),
    description    varchar(200) NOT NULL,
    type           varchar(20) NOT NULL,
    script         varchar(1000) NOT NULL,
    checksum       integer,
    installed_by   varchar(100) NOT NULL,
    installed_on   timestamp NOT NULL DEFAULT now(),
    execution_time integer NOT NULL,
    success        boolean NOT NULL
);
