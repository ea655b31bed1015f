-- A ledger as schema 2 was released: the same as that of schema 1, with sums. Never changed again.
BEGIN TRANSACTION;
CREATE TABLE activities (
  id text primary key,                 -- first 12 of SHA-256 of (athlete, content, part)
  athlete text not null,
  path text not null,
  sha256 text not null,
  part integer not null,
  start_us integer not null,           -- microseconds since 1970, UTC
  end_us integer not null,
  utc_offset_s integer,                -- null: unknown
  day text not null,                   -- local day
  sport text not null,
  way text not null,                   -- run, walk, ride or other: of the activity as a whole
  device_serial text,
  by_hand integer not null,
  duplicate_of text,                   -- id of the copy that counts, else null
  freshness text not null,             -- hash of versions, parameters and facts the numbers rest on
  segment text not null,               -- where its measured track is; empty for totals only
  about text not null,                 -- JSON of model.About
  context text not null,               -- JSON of what the export said beside the file
  laps text not null,                  -- JSON rows
  pauses text not null,                -- JSON rows
  read_issues text not null,           -- JSON rows of code, count, text: what reading and mending told
  issues text not null,                -- the same with what preparation and analysis added
  crc integer                          -- CRC-32 of the columns in CHECKED; null: not summed
);
INSERT INTO "activities" VALUES('71f71f2fe8aa','me','/exports/e/activities.csv','fceff1187ebf459af8db81a564cea2be633a8e6269842ddb8cf35f54ea25efd4',0,1775160306000000,1775162106000000,NULL,'2026-04-02','running','run',NULL,1,NULL,'2860b52d52bfd499','','{"altitude_source": "none", "by_hand": true, "cadence": {"field": null, "multiplier": null, "reason": "totals only", "unit": "spm"}, "decoder": "totals", "device": null, "device_ascent_m": null, "device_descent_m": null, "device_distance_m": 5000.0, "device_serial": null, "elapsed_s": 1800.0, "end": "2026-04-02T20:35:06+00:00", "facts": {}, "file_mass_kg": null, "format": "strava", "indoor": false, "part": 0, "path": "/exports/e/activities.csv", "sha256": "fceff1187ebf459af8db81a564cea2be633a8e6269842ddb8cf35f54ea25efd4", "sport": "running", "start": "2026-04-02T20:05:06+00:00", "sub_sport": null, "timer_s": 1800.0, "utc_offset_how": "unknown", "utc_offset_s": null, "virtual": false}','{"layout": "strava", "title": "By the harbour"}','{"start":[],"elapsed_s":[],"timer_s":[],"distance_m":[],"ascent_m":[],"descent_m":[],"trigger":[]}','{"start":[],"end":[],"how":[]}','[{"code": "by_hand", "count": 1, "text": "The export holds totals only, no recording: distance and time are as written."}]','[{"code": "by_hand", "count": 1, "text": "The export holds totals only, no recording: distance and time are as written."}, {"code": "load_from_duration", "count": 1, "text": "Only totals were entered: knee load is that of the time on the level, and rough."}]',2361998943);
INSERT INTO "activities" VALUES('938e30f1439e','me','/exports/e/activities.csv','3c88a4487d447a8e866177f92eb74446a8df7d19db300a5e5fd7a9f0d24bee31',0,1775282706000000,1775285106000000,NULL,'2026-04-04','walking','walk',NULL,1,NULL,'2860b52d52bfd499','','{"altitude_source": "none", "by_hand": true, "cadence": {"field": null, "multiplier": null, "reason": "totals only", "unit": "spm"}, "decoder": "totals", "device": null, "device_ascent_m": null, "device_descent_m": null, "device_distance_m": 3500.0, "device_serial": null, "elapsed_s": 2400.0, "end": "2026-04-04T06:45:06+00:00", "facts": {}, "file_mass_kg": null, "format": "strava", "indoor": false, "part": 0, "path": "/exports/e/activities.csv", "sha256": "3c88a4487d447a8e866177f92eb74446a8df7d19db300a5e5fd7a9f0d24bee31", "sport": "walking", "start": "2026-04-04T06:05:06+00:00", "sub_sport": null, "timer_s": 2400.0, "utc_offset_how": "unknown", "utc_offset_s": null, "virtual": false}','{"layout": "strava", "title": "Around the pond"}','{"start":[],"elapsed_s":[],"timer_s":[],"distance_m":[],"ascent_m":[],"descent_m":[],"trigger":[]}','{"start":[],"end":[],"how":[]}','[{"code": "by_hand", "count": 1, "text": "The export holds totals only, no recording: distance and time are as written."}]','[{"code": "by_hand", "count": 1, "text": "The export holds totals only, no recording: distance and time are as written."}, {"code": "load_from_duration", "count": 1, "text": "Only totals were entered: knee load is that of the time on the level, and rough."}]',2063114658);
CREATE TABLE athletes (
  name text primary key,               -- whose rows these are
  profile text not null default '{}'   -- opt-in personal profile, JSON; never in a report of another
) without rowid;
INSERT INTO "athletes" VALUES('me','{"previous_knee_pain": true}');
CREATE TABLE files (
  athlete text not null,
  path text not null,                  -- path inside path, as shown
  outer text not null,                 -- the file on disk
  stamp text not null,                 -- what tells that it is unchanged: size and time, or CRC and size
  sha256 text not null,                -- of the decompressed bytes; empty where nothing was read
  outcome text not null,               -- read, skipped or failed
  code text not null,                  -- stable word for the reason
  reason text not null,                -- a sentence for a person
  day text,                            -- local day the file speaks of, where that is known
  primary key (athlete, path)
) without rowid;
INSERT INTO "files" VALUES('me','/exports/e/activities.csv','/exports/e/activities.csv','201-1795378889462945300|1.1','','skipped','table','a table of 2 activities',NULL);
INSERT INTO "files" VALUES('me','/exports/e/activities/notes.txt','/exports/e/activities/notes.txt','1-1795378889463043363|1.1','','skipped','not_opened','account data, left unopened',NULL);
CREATE TABLE meta (key text primary key, value text not null) without rowid;
INSERT INTO "meta" VALUES('changes','1');
INSERT INTO "meta" VALUES('schema','2');
CREATE TABLE metrics (
  activity text not null references activities (id) on delete cascade,
  name text not null,
  value real, low real, high real,     -- null: unknown; low and high: 90 % interval
  primary key (activity, name)
) without rowid;
INSERT INTO "metrics" VALUES('71f71f2fe8aa','ascent_m',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','braking_energy_j_per_kg',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','cadence_drift_pct',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','cadence_ride_median_rpm',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','cadence_ride_q1_rpm',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','cadence_ride_q3_rpm',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','cadence_run_median_spm',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','cadence_run_q1_spm',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','cadence_run_q3_spm',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','cadence_walk_median_spm',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','cadence_walk_q1_spm',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','cadence_walk_q3_spm',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','descent_m',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','descent_run_m',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','distance_m',5000.0,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','downhill_run_distance_m',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','downhill_run_time_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','downhill_share',0.0,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','downhill_share_peak_weighted',0.0,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','elapsed_s',1800.0,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','excess_knee_load_article_bw_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','excess_knee_load_bw_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','excess_knee_load_mechanics_bw_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','excess_knee_load_none_bw_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','extrapolated_share',0.0,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','heart_rate_mean_bpm',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','knee_load_article_bw_s',1.29591895862030582977e+03,8.56065826560888126512e+02,2.18737450650090113407e+03);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','knee_load_easy_minutes',2.97092837831340190746e+01,1.96255347675581894861e+01,5.01461372421114504049e+01);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','knee_load_linear_bw_s',1.29591895862030582977e+03,8.56065826560888126512e+02,2.18737450650090113407e+03);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','knee_load_mechanics_bw_s',1.29591895862030582977e+03,8.53736023719927743496e+02,2133.63169604206);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','knee_load_none_bw_s',1.29591895862030582977e+03,8.35890229762743388122e+02,2.06847735008915651635e+03);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','knee_load_peak_weighted_steps',2.13744279044685936246e+03,6.23982479532356364886e+02,1.13449071432866276153e+04);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','knee_load_per_km_bw_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','knee_load_ride_bw_s',0.0,0.0,0.0);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','knee_load_run_bw_s',1.29591895862030582977e+03,8.56065826560888126512e+02,2.18737450650090113407e+03);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','knee_load_walk_bw_s',0.0,0.0,0.0);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','knee_load_with_stance_bw_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','load_cadence_bw_s',0.0,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','load_cycling_bw_s',0.0,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','load_downhill_bw_s',0.0,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','load_duration_bw_s',1.30831596000000013196e+03,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','load_pace_bw_s',-1.23970013796943021586e+01,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','load_uphill_bw_s',0.0,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','load_walking_bw_s',0.0,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','longest_descent_m',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','longest_descent_run_m',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','moving_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','other_distance_m',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','other_time_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','peak_cadence_steps',-4.54747350886464118957e-13,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','peak_cycling_steps',0.0,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','peak_downhill_steps',0.0,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','peak_duration_steps',2.52084000000000060023e+03,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','peak_force_run_bw',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','peak_pace_steps',-3.833972095531407831e+02,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','peak_uphill_steps',0.0,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','peak_walking_steps',0.0,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','peak_weighted_article_steps',2.13744279044685936246e+03,6.23982479532356364886e+02,1.13449071432866276153e+04);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','peak_weighted_mechanics_steps',2.13744279044685936246e+03,6.10194182526952431542e+02,1.03503419391611460012e+04);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','peak_weighted_none_steps',2.13744279044685936246e+03,5.27197122448292589081e+02,8.94815503700927365564e+03);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','peak_weighted_ride_steps',0.0,0.0,0.0);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','peak_weighted_run_steps',2.13744279044685936246e+03,6.23982479532356364886e+02,1.13449071432866276153e+04);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','peak_weighted_walk_steps',0.0,0.0,0.0);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','power_mean_w',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','ride_distance_m',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','ride_low_cadence_load_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','ride_low_cadence_load_share',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','ride_time_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','run_distance_m',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','run_time_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','speed_mean_mps',2.77777777777777767909e+00,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','stance_time_balance_median_pct',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','stance_time_median_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','steep_descent_run_m',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','step_length_median_mm',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','steps',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','steps_downhill_run',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','temperature_mean_c',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','timer_s',1800.0,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','vertical_oscillation_median_mm',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','vertical_ratio_median_pct',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','walk_distance_m',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','walk_time_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','walking_breaks',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('71f71f2fe8aa','walking_breaks_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','ascent_m',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','braking_energy_j_per_kg',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','cadence_drift_pct',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','cadence_ride_median_rpm',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','cadence_ride_q1_rpm',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','cadence_ride_q3_rpm',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','cadence_run_median_spm',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','cadence_run_q1_spm',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','cadence_run_q3_spm',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','cadence_walk_median_spm',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','cadence_walk_q1_spm',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','cadence_walk_q3_spm',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','descent_m',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','descent_run_m',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','distance_m',3500.0,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','downhill_run_distance_m',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','downhill_run_time_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','downhill_share',0.0,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','downhill_share_peak_weighted',0.0,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','elapsed_s',2400.0,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','excess_knee_load_article_bw_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','excess_knee_load_bw_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','excess_knee_load_mechanics_bw_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','excess_knee_load_none_bw_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','extrapolated_share',0.0,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','heart_rate_mean_bpm',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','knee_load_article_bw_s',3.87692307692307736033e+02,2.32376233339100309645e+02,6.13548684852335668438e+02);
INSERT INTO "metrics" VALUES('938e30f1439e','knee_load_easy_minutes',8.88794836525235609769e+00,5.32728641309262584968e+00,1.40657653565413962581e+01);
INSERT INTO "metrics" VALUES('938e30f1439e','knee_load_linear_bw_s',3.87692307692307736033e+02,2.32376233339100309645e+02,6.13548684852335668438e+02);
INSERT INTO "metrics" VALUES('938e30f1439e','knee_load_mechanics_bw_s',3.87692307692307736033e+02,2.32376233339100309645e+02,6.13548684852335668438e+02);
INSERT INTO "metrics" VALUES('938e30f1439e','knee_load_none_bw_s',3.87692307692307736033e+02,2.32376233339100309645e+02,6.13548684852335668438e+02);
INSERT INTO "metrics" VALUES('938e30f1439e','knee_load_peak_weighted_steps',2.55887263461058500624e+00,5.38547515307805424455e-01,11.2531998205867);
INSERT INTO "metrics" VALUES('938e30f1439e','knee_load_per_km_bw_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','knee_load_ride_bw_s',0.0,0.0,0.0);
INSERT INTO "metrics" VALUES('938e30f1439e','knee_load_run_bw_s',0.0,0.0,0.0);
INSERT INTO "metrics" VALUES('938e30f1439e','knee_load_walk_bw_s',3.87692307692307736033e+02,2.32376233339100309645e+02,6.13548684852335668438e+02);
INSERT INTO "metrics" VALUES('938e30f1439e','knee_load_with_stance_bw_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','load_cadence_bw_s',0.0,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','load_cycling_bw_s',0.0,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','load_downhill_bw_s',0.0,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','load_duration_bw_s',0.0,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','load_pace_bw_s',0.0,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','load_uphill_bw_s',0.0,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','load_walking_bw_s',3.87692307692307736033e+02,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','longest_descent_m',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','longest_descent_run_m',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','moving_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','other_distance_m',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','other_time_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','peak_cadence_steps',0.0,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','peak_cycling_steps',0.0,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','peak_downhill_steps',0.0,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','peak_duration_steps',0.0,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','peak_force_run_bw',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','peak_pace_steps',0.0,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','peak_uphill_steps',0.0,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','peak_walking_steps',2.55887263461058500624e+00,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','peak_weighted_article_steps',2.55887263461058500624e+00,5.38547515307805424455e-01,11.2531998205867);
INSERT INTO "metrics" VALUES('938e30f1439e','peak_weighted_mechanics_steps',2.55887263461058500624e+00,5.38547515307805424455e-01,11.2531998205867);
INSERT INTO "metrics" VALUES('938e30f1439e','peak_weighted_none_steps',2.55887263461058500624e+00,5.38547515307805424455e-01,11.2531998205867);
INSERT INTO "metrics" VALUES('938e30f1439e','peak_weighted_ride_steps',0.0,0.0,0.0);
INSERT INTO "metrics" VALUES('938e30f1439e','peak_weighted_run_steps',0.0,0.0,0.0);
INSERT INTO "metrics" VALUES('938e30f1439e','peak_weighted_walk_steps',2.55887263461058500624e+00,5.38547515307805424455e-01,11.2531998205867);
INSERT INTO "metrics" VALUES('938e30f1439e','power_mean_w',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','ride_distance_m',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','ride_low_cadence_load_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','ride_low_cadence_load_share',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','ride_time_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','run_distance_m',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','run_time_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','speed_mean_mps',1.45833333333333325931e+00,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','stance_time_balance_median_pct',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','stance_time_median_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','steep_descent_run_m',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','step_length_median_mm',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','steps',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','steps_downhill_run',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','temperature_mean_c',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','timer_s',2400.0,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','vertical_oscillation_median_mm',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','vertical_ratio_median_pct',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','walk_distance_m',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','walk_time_s',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','walking_breaks',NULL,NULL,NULL);
INSERT INTO "metrics" VALUES('938e30f1439e','walking_breaks_s',NULL,NULL,NULL);
CREATE TABLE notes (
  athlete text not null, number integer not null, entry text not null,
  primary key (athlete, number)
) without rowid;
INSERT INTO "notes" VALUES('me',1,'{"date": "2026-04-03", "kind": "strength", "minutes": 30.0}');
CREATE TABLE pain (
  athlete text not null, number integer not null, entry text not null,
  primary key (athlete, number)
) without rowid;
INSERT INTO "pain" VALUES('me',1,'{"date": "2026-04-03", "during": "tolerable", "note": "stairs"}');
CREATE TABLE segments (
  name text primary key,               -- file name below tracks/
  rows integer not null,
  crc integer                          -- CRC-32 of the file; null: written under schema 1
) without rowid;
CREATE TABLE tables (
  activity text not null references activities (id) on delete cascade,
  name text not null,                  -- bands, descents, stretches, sums ...
  rows text not null,                  -- JSON: {"columns": [...]} of lists, null where unknown
  crc integer,                         -- CRC-32 of the text; null: written under schema 1
  primary key (activity, name)
) without rowid;
INSERT INTO "tables" VALUES('71f71f2fe8aa','sums','{"seconds":1800.0,"run/no_cadence/linear/0/w":1295.9189586203058,"run/no_cadence/linear/0/v":-99.73527228346593,"run/no_cadence/linear/0/vv":7.675730392930781,"run/no_cadence/peak/0/w":2137.4427904468594,"run/no_cadence/peak/0/v":-164.49982252170165,"run/no_cadence/peak/0/vv":12.66007760797849,"run/seconds":1800.0,"run/pack_seconds":1800.0,"run/pack4_seconds":1800.0,"run/pace/linear":1295.9189586203058,"run/pace/peak":2137.44279044686,"run/level/linear":1295.9189586203058,"run/level/peak":2137.4427904468594,"run/blind/linear":1295.9189586203058,"run/blind/peak":2137.4427904468594}',2766991078);
INSERT INTO "tables" VALUES('938e30f1439e','sums','{"seconds":2400.0,"walk/seconds":2400.0,"walk/linear/0":387.69230769230774,"walk/peak/0":2.558872634610585}',1385691966);
CREATE INDEX files_content on files (sha256);
CREATE INDEX files_failed on files (athlete, path) where outcome = 'failed';
CREATE INDEX files_copies on files (athlete) where code = 'same_content';
CREATE INDEX activities_start on activities (athlete, start_us, id, end_us, crc, duplicate_of);
CREATE INDEX activities_day on activities (athlete, day, freshness, duplicate_of, id);
CREATE INDEX activities_copies on activities (duplicate_of) where duplicate_of is not null;
CREATE INDEX activities_path on activities (athlete, path);
CREATE INDEX activities_segment on activities (segment);
CREATE INDEX activities_device on activities (device_serial, athlete);
COMMIT;
