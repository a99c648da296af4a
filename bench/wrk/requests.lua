-- The requests of the benchmark, one function for each kind. They mirror bench/shape.py.
-- usage: wrk -s requests.lua URL -- KIND ENTITY_COUNT SIDE_DEGREES SALT [TOKEN]

local TYPES = {
  "AirQualityObserved", "BikeRack", "Bridge", "Building", "BusStop", "Culvert", "DrainageGate", "Hydrant", "Market",
  "NoiseMeter", "ParkingSpot", "Pavement", "Pump", "RainGauge", "School", "Shelter", "Streetlight", "Tree", "Vehicle",
  "WasteContainer",
}
local HOT = 10000
local BATCH = 100
local PATH = "/ngsi-ld/v1/entities"

local count, side, salt, token, serial
local format, random = string.format, math.random

local reading = {
  ["Accept"] = "application/json",
  ["User-Agent"] = "simpul-bench/1",
  ["Accept-Language"] = "id, en;q=0.8",
  ["X-Request-Source"] = "bench",
}
local writing

local function id_of(number)
  return format("urn:ngsi-ld:%s:%07d", TYPES[number % #TYPES + 1], number)
end

local function any_type()
  return TYPES[random(#TYPES)]
end

local function longitude() return 100.36 + (random() - 0.5) * side end
local function latitude() return -0.95 + (random() - 0.5) * side end

local function new_entity()
  serial = serial + 1
  local kind = TYPES[serial % #TYPES + 1]
  return format(
    '{"id":"urn:ngsi-ld:%s:new-%s-%d","type":"%s",' ..
    '"description":{"type":"Property","value":"%s number %d, in Jalan %d, kept by the city\'s own office since 2024; ' ..
    'last seen in good order by the team of quarter %d."},' ..
    '"level":{"type":"Property","value":%.3f,"unitCode":"GQ","observedAt":"2026-01-02T08:00:00Z"},' ..
    '"temperature":{"type":"Property","value":%.2f,"unitCode":"CEL","observedAt":"2026-01-02T08:00:00Z"},' ..
    '"ownedBy":{"type":"Relationship","object":"urn:ngsi-ld:Agency:%03d"},' ..
    '"location":{"type":"GeoProperty","value":{"type":"Point","coordinates":[%.6f,%.6f]}}}',
    kind, salt, serial, kind, kind, serial, random(900), random(104), random() * 1000, 20 + random() * 15,
    random(50), longitude(), latitude())
end

local kinds = {}

function kinds.yardstick_get() return wrk.format("GET", "/", reading) end

-- 485 bytes, as a small entity has.
local yardstick_body = '{"id":"urn:ngsi-ld:BusStop:0000001","type":"BusStop","note":"' .. string.rep("x", 422) .. '"}'
function kinds.yardstick_post() return wrk.format("POST", "/", writing, yardstick_body) end

function kinds.hot() return wrk.format("GET", PATH .. "/" .. id_of(random(math.min(HOT, count)) - 1), reading) end
function kinds.uniform() return wrk.format("GET", PATH .. "/" .. id_of(random(count) - 1), reading) end
function kinds.list() return wrk.format("GET", PATH .. "?type=" .. any_type() .. "&limit=20", reading) end

function kinds.question()
  local path = format("%s?type=%s&q=level%%3E%.3f&limit=20", PATH, any_type(), random() * 900)
  return wrk.format("GET", path, reading)
end

function kinds.near()
  local path = format("%s?type=%s&georel=near%%3BmaxDistance==225&geometry=Point&coordinates=%%5B%.6f,%.6f%%5D&limit=20",
    PATH, any_type(), longitude(), latitude())
  return wrk.format("GET", path, reading)
end

-- The histories of bench/past.py: 200 entities with 100 hourly values each.
local function past() return format("/ngsi-ld/v1/temporal/entities/urn:ngsi-ld:RainGauge:past-%03d", random(200) - 1) end

function kinds.history() return wrk.format("GET", past() .. "?attrs=rainfall", reading) end

function kinds.as_of()
  local hour = random(100) - 1
  local moment = format("2026-01-%02dT%02d:30:00Z", 1 + math.floor(hour / 24), hour % 24)
  return wrk.format("GET", past() .. "?attrs=rainfall&timerel=before&timeAt=" .. moment .. "&lastN=1", reading)
end

-- The entities of bench/forwarding.py, which only another hub has.
function kinds.forwarded()
  return wrk.format("GET", format("%s/urn:ngsi-ld:Pump:elsewhere-%04d", PATH, random(1000) - 1), reading)
end

function kinds.create() return wrk.format("POST", PATH, writing, new_entity()) end

function kinds.patch()
  local path = PATH .. "/" .. id_of(random(count) - 1) .. "/attrs"
  return wrk.format("PATCH", path, writing, format('{"level":{"type":"Property","value":%.3f}}', random() * 1000))
end

function kinds.batch()
  local entities = {}
  for place = 1, BATCH do entities[place] = new_entity() end
  local body = "[" .. table.concat(entities, ",") .. "]"
  return wrk.format("POST", "/ngsi-ld/v1/entityOperations/upsert", writing, body)
end

function init(arguments)
  local kind = arguments[1]
  count, side, salt, token = tonumber(arguments[2]), tonumber(arguments[3]), arguments[4], arguments[5]
  serial = 0
  -- The same questions in every run, other ones in every round of it.
  local seed = 0
  for place = 1, #salt do seed = (seed * 31 + salt:byte(place)) % 2147483647 end
  math.randomseed(seed)
  writing = {
    ["Content-Type"] = "application/json",
    ["Accept"] = "application/json",
    ["User-Agent"] = "simpul-bench/1",
    ["Authorization"] = token and ("Bearer " .. token) or nil,
  }
  assert(kinds[kind], "there is no kind of request named " .. tostring(kind))
  request = kinds[kind]
end
