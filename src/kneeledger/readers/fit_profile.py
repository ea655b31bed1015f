"""What the numbers in a FIT file mean: names, scales, units, words, and how packed values come apart.

`fitparse.profile` supplies them; its tables are of 2019, so that what devices have written since is added
here by number: fields of the messages a training log uses, sports, and devices. The tables are read when
the first message of a kind is decoded, since most members of an export are never decoded at all. A number
neither table knows keeps its number as its name, so that nothing is lost and nothing guessed. Types whose
"words" are really masks or sentinels (`left_right_balance`, `message_index`) stay numbers.
Instead of: a table of our own for everything, which would be a second profile to keep true.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

__all__ = [
    "Component",
    "FieldSpec",
    "MessageSpec",
    "Sub",
    "message",
    "message_name",
    "message_number",
    "words_of",
]


@dataclass(frozen=True, slots=True)
class Component:
    """A value packed inside another field: which bits, and which field of the message it is."""

    name: str
    shift: int
    bits: int
    scale: float
    offset: float
    accumulate: bool


@dataclass(frozen=True, slots=True)
class Sub:
    """Another meaning of a field where a second field has one of these raw values."""

    name: str
    when: tuple[tuple[str, int], ...]
    """(name of the field that decides, its raw value): any of them."""
    words: dict[int, str] | None
    scale: float
    offset: float
    components: tuple[Component, ...]


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field of the profile; ``value = raw / scale - offset``."""

    name: str
    kind: str = "number"
    """``number``, ``words``, ``time`` (UTC) or ``local_time``."""
    words: dict[int, str] | None = None
    scale: float = 1.0
    offset: float = 0.0
    units: str = ""
    components: tuple[Component, ...] = ()
    subs: tuple[Sub, ...] = ()


@dataclass(frozen=True, slots=True)
class MessageSpec:
    """A kind of message: its name and its fields by number."""

    number: int
    name: str
    fields: dict[int, FieldSpec]


_NUMERIC_WORDS = {
    "antplus_device_type",
    "battery_status",
    "checksum",
    "comm_timeout_type",
    "exercise_category",
    "fit_base_unit",
    "garmin_product",
    "manufacturer",
    "mesg_num",
    "set_type",
}
"""Types wider than an enum whose values are words all the same; the others are masks or sentinels."""

_MASKS = {"date_time", "local_date_time", "message_index", "left_right_balance", "left_right_balance_100"}
"""Types of newer fields that stay numbers or times."""

_FIELDS = {
    # record
    20: """
        87 cycle_length16 uint16 100 0 m
        99 respiration_rate>enhanced_respiration_rate/8 uint8 1 0 s
        108 enhanced_respiration_rate uint16 100 0 Breaths/min
        114 grit float32 1 0 -
        115 flow float32 1 0 -
        116 current_stress uint16 100 0 -
        117 ebike_travel_range uint16 1 0 km
        118 ebike_battery_level uint8 1 0 percent
        119 ebike_assist_mode uint8 1 0 depends_on_sensor
        120 ebike_assist_level_percent uint8 1 0 percent
        123 air_time_remaining uint32 1 0 s
        124 pressure_sac uint16 100 0 bar/min
        125 volume_sac uint16 100 0 L/min
        126 rmv uint16 100 0 L/min
        127 ascent_rate sint32 1000 0 m/s
        129 po2 uint8 100 0 percent
        139 core_temperature uint16 100 0 C
    """,
    # session
    18: """
        33 num_lengths uint16 1 0 lengths
        38 end_position_lat sint32 1 0 semicircles
        39 end_position_long sint32 1 0 semicircles
        110 sport_profile_name string 1 0 -
        140 avg_depth uint32 1000 0 m
        141 max_depth uint32 1000 0 m
        142 surface_interval uint32 1 0 s
        143 start_cns uint8 1 0 percent
        144 end_cns uint8 1 0 percent
        145 start_n2 uint16 1 0 percent
        146 end_n2 uint16 1 0 percent
        147 avg_respiration_rate>enhanced_avg_respiration_rate/8 uint8 1 0 -
        148 max_respiration_rate>enhanced_max_respiration_rate/8 uint8 1 0 -
        149 min_respiration_rate>enhanced_min_respiration_rate/8 uint8 1 0 -
        150 min_temperature sint8 1 0 C
        155 o2_toxicity uint16 1 0 OTUs
        156 dive_number uint32 1 0 -
        168 training_load_peak sint32 65536 0 -
        169 enhanced_avg_respiration_rate uint16 100 0 Breaths/min
        170 enhanced_max_respiration_rate uint16 100 0 Breaths/min
        180 enhanced_min_respiration_rate uint16 100 0 -
        181 total_grit float32 1 0 kGrit
        182 total_flow float32 1 0 Flow
        183 jump_count uint16 1 0 -
        186 avg_grit float32 1 0 kGrit
        187 avg_flow float32 1 0 Flow
        192 workout_feel uint8 1 0 -
        193 workout_rpe uint8 1 0 -
        194 avg_spo2 uint8 1 0 percent
        195 avg_stress uint8 1 0 percent
        197 sdrr_hrv uint8 1 0 mS
        198 rmssd_hrv uint8 1 0 mS
        199 total_fractional_ascent uint8 100 0 m
        200 total_fractional_descent uint8 100 0 m
        208 avg_core_temperature uint16 100 0 C
        209 min_core_temperature uint16 100 0 C
        210 max_core_temperature uint16 100 0 C
        78 active_time uint32 1000 0 s
        79 avg_strokes_per_length uint16 10 0 strokes/length
        80 avg_swolf uint16 1 0 -
        106 num_segment_laps uint16 1 0 -
        107 front_gear_shift_count uint16 1 0 -
        108 rear_gear_shift_count uint16 1 0 -
        196 metabolic_calories uint16 1 0 kcal
        211 avg_grade_adjusted_speed uint32 1000 0 m/s
    """,
    # lap
    19: """
        122 avg_depth uint32 1000 0 m
        123 max_depth uint32 1000 0 m
        124 min_temperature sint8 1 0 C
        136 enhanced_avg_respiration_rate uint16 100 0 Breaths/min
        137 enhanced_max_respiration_rate uint16 100 0 Breaths/min
        147 avg_respiration_rate>enhanced_avg_respiration_rate/8 uint8 1 0 -
        148 max_respiration_rate>enhanced_max_respiration_rate/8 uint8 1 0 -
        149 total_grit float32 1 0 kGrit
        150 total_flow float32 1 0 Flow
        151 jump_count uint16 1 0 -
        153 avg_grit float32 1 0 kGrit
        154 avg_flow float32 1 0 Flow
        156 total_fractional_ascent uint8 100 0 m
        157 total_fractional_descent uint8 100 0 m
        158 avg_core_temperature uint16 100 0 C
        159 min_core_temperature uint16 100 0 C
        160 max_core_temperature uint16 100 0 C
        27 nec_lat sint32 1 0 semicircles
        28 nec_long sint32 1 0 semicircles
        29 swc_lat sint32 1 0 semicircles
        30 swc_long sint32 1 0 semicircles
        70 active_time uint32 1000 0 s
        73 avg_swolf uint16 1 0 -
        90 avg_strokes_per_length uint16 10 0 strokes_/_length
        96 front_gear_shift_count uint16 1 0 -
        97 rear_gear_shift_count uint16 1 0 -
        155 metabolic_calories uint16 1 0 kcal
        161 avg_grade_adjusted_speed uint32 1000 0 m/s
    """,
    # event
    21: """
        14 activity_type activity_type 1 0 -
        15 start_timestamp date_time 1 0 s
        21 radar_threat_level_max radar_threat_level_type 1 0 -
        22 radar_threat_count uint8 1 0 -
        23 radar_threat_avg_approach_speed uint8 10 0 m/s
        24 radar_threat_max_approach_speed uint8 10 0 m/s
    """,
    # device_info
    23: """
        32 battery_level uint8 1 0 %
    """,
    # length
    101: """
        22 enhanced_avg_respiration_rate uint16 100 0 Breaths/min
        23 enhanced_max_respiration_rate uint16 100 0 Breaths/min
        24 avg_respiration_rate>enhanced_avg_respiration_rate/8 uint8 1 0 -
        25 max_respiration_rate>enhanced_max_respiration_rate/8 uint8 1 0 -
    """,
    # segment_lap
    142: """
        84 total_grit float32 1 0 kGrit
        85 total_flow float32 1 0 Flow
        86 avg_grit float32 1 0 kGrit
        87 avg_flow float32 1 0 Flow
        89 total_fractional_ascent uint8 100 0 m
        90 total_fractional_descent uint8 100 0 m
        91 enhanced_avg_altitude uint32 5 500 m
        92 enhanced_max_altitude uint32 5 500 m
        93 enhanced_min_altitude uint32 5 500 m
    """,
    # time_in_zone
    216: """
        0 reference_mesg mesg_num 1 0 -
        1 reference_index message_index 1 0 -
        2 time_in_hr_zone uint32 1000 0 s
        3 time_in_speed_zone uint32 1000 0 s
        4 time_in_cadence_zone uint32 1000 0 s
        5 time_in_power_zone uint32 1000 0 s
        6 hr_zone_high_boundary uint8 1 0 bpm
        7 speed_zone_high_boundary uint16 1000 0 m/s
        8 cadence_zone_high_bondary uint8 1 0 rpm
        9 power_zone_high_boundary uint16 1 0 watts
        10 hr_calc_type hr_zone_calc 1 0 -
        11 max_heart_rate uint8 1 0 -
        12 resting_heart_rate uint8 1 0 -
        13 threshold_heart_rate uint8 1 0 -
        14 pwr_calc_type pwr_zone_calc 1 0 -
        15 functional_threshold_power uint16 1 0 -
        253 timestamp date_time 1 0 s
    """,
    # split
    312: """
        0 split_type split_type 1 0 -
        1 total_elapsed_time uint32 1000 0 s
        2 total_timer_time uint32 1000 0 s
        3 total_distance uint32 100 0 m
        4 avg_speed uint32 1000 0 m/s
        9 start_time date_time 1 0 -
        13 total_ascent uint16 1 0 m
        14 total_descent uint16 1 0 m
        21 start_position_lat sint32 1 0 semicircles
        22 start_position_long sint32 1 0 semicircles
        23 end_position_lat sint32 1 0 semicircles
        24 end_position_long sint32 1 0 semicircles
        25 max_speed uint32 1000 0 m/s
        26 avg_vert_speed sint32 1000 0 m/s
        27 end_time date_time 1 0 -
        28 total_calories uint32 1 0 kcal
        74 start_elevation uint32 5 500 m
        110 total_moving_time uint32 1000 0 s
        254 message_index message_index 1 0 -
        11 sport sport 1 0 -
        12 sub_sport sub_sport 1 0 -
        15 avg_heart_rate uint8 1 0 bpm
        16 max_heart_rate uint8 1 0 bpm
        29 avg_cadence uint16 128 0 rpm
        30 max_cadence uint16 128 0 rpm
        40 avg_power uint16 1 0 watts
        41 max_power uint16 1 0 watts
        42 normalized_power uint16 1 0 watts
        67 first_lap_index uint16 1 0 -
        68 num_laps uint16 1 0 -
        79 metabolic_calories uint16 1 0 kcal
    """,
    # jump
    285: """
        0 distance float32 1 0 m
        1 height float32 1 0 m
        2 rotations uint8 1 0 -
        3 hang_time float32 1 0 s
        4 score float32 1 0 -
        5 position_lat sint32 1 0 semicircles
        6 position_long sint32 1 0 semicircles
        7 speed>enhanced_speed/16 uint16 1000 0 m/s
        8 enhanced_speed uint32 1000 0 m/s
        253 timestamp date_time 1 0 s
    """,
    # respiration_rate
    297: """
        0 respiration_rate sint16 100 0 breaths/min
        253 timestamp date_time 1 0 s
    """,
    # monitoring_hr_data
    211: """
        0 resting_heart_rate uint8 1 0 bpm
        1 current_day_resting_heart_rate uint8 1 0 bpm
    """,
    # sleep_level
    275: """
        0 sleep_level sleep_level 1 0 -
        253 timestamp date_time 1 0 s
    """,
}
"""Newer fields by message: number, name (and what it expands to, with its bits), type, scale, offset, unit."""

_WORDS = {
    "sport": """
        49=baseball 53=diving 62=hiit 64=racket 65=wheelchair_push_walk 66=wheelchair_push_run
        67=meditation 69=disc_golf 71=cricket 72=rugby 73=hockey 74=lacrosse 75=volleyball
        76=water_tubing 77=wakesurfing 80=mixed_martial_arts 82=snorkeling 83=dance 84=jump_rope
    """,
    "sub_sport": """
        62=breathing 65=sail_race 67=ultra 68=indoor_climbing 69=bouldering 70=hiit 73=amrap 74=emom
        75=tabata 84=pickleball 85=padel 86=indoor_wheelchair_walk 87=indoor_wheelchair_run
        88=indoor_hand_cycling 94=squash 95=badminton 96=racquetball 97=table_tennis 110=fly_canopy
        111=fly_paraglide 112=fly_paramotor 113=fly_pressurized 114=fly_navigate 115=fly_timer
        116=fly_altimeter 117=fly_wx 118=fly_vfr 119=fly_ifr
    """,
    "event": """
        54=auto_activity_detect 56=dive_alert 57=dive_gas_switched 71=tank_pressure_reserve
        72=tank_pressure_critical 73=tank_lost 75=radar_threat_alert 76=tank_battery_low
        81=tank_pod_connected 82=tank_pod_disconnected
    """,
    "intensity": """
        4=recovery 5=interval 6=other
    """,
    "swim_stroke": """
        7=im_by_round 8=rimo
    """,
    "exercise_category": """
        33=bike 34=cardio_sensors 35=move 36=pose 37=banded_exercises 38=battle_rope 39=elliptical
        40=floor_climb 41=indoor_bike 42=indoor_row 43=ladder 44=sandbag 45=sled 46=sledge_hammer
        47=stair_stepper 49=suspension 50=tire 52=run_indoor 53=bike_outdoor
    """,
    "split_type": """
        1=ascent_split 2=descent_split 3=interval_active 4=interval_rest 5=interval_warmup
        6=interval_cooldown 7=interval_recovery 8=interval_other 9=climb_active 10=climb_rest
        11=surf_active 12=run_active 13=run_rest 14=workout_round 17=rwd_run 18=rwd_walk
        21=windsurf_active 22=rwd_stand 23=transition 28=ski_lift_split 29=ski_run_split
    """,
    "antplus_device_type": """
        34=shifting 46=bike_aero
    """,
    "manufacturer": """
        41=shimano 125=nci_technology 126=iqsquare 127=leomo 128=ifit_com 129=coros_byte
        130=versa_design 131=chileaf 132=cycplus 133=gravaa_byte 134=sigeyi 135=coospo 136=geoid
        137=bosch 138=kyto 139=kinetic_sports 140=decathlon_byte 141=tq_systems 142=tag_heuer
        143=keiser_fitness 144=zwift_byte 145=porsche_ep 146=blackbird 147=meilan_byte 148=ezon
        149=laisi 150=myzone 151=abawo 152=bafang 153=luhong_technology 294=coros 295=virtugo
        296=velosense 297=cycligentinc 298=trailforks 299=mahle_ebikemotion 300=nurvv 301=microprogram
        302=zone5cloud 303=greenteg 304=yamaha_motors 305=whoop 306=gravaa 307=onelap
        308=monark_exercise 309=form 310=decathlon 311=syncros 312=heatup 313=cannondale
        314=true_fitness 315=RGT_cycling 316=vasa 317=race_republic 318=fazua 319=oreka_training
        320=lsec 321=lululemon_studio 322=shanyue 323=spinning_mda 324=hilldating 325=aero_sensor
        326=nike 327=magicshine 328=ictrainer 329=absolute_cycling 330=eo_swimbetter 331=mywhoosh
        332=ravemen 333=tektro_racing_products 334=darad_innovation_corporation 335=cycloptim
    """,
    "garmin_product": """
        13=hrm4_run_single_byte_product_id 15=gen3_bsm_single_byte_product_id
        16=gen3_bcm_single_byte_product_id 22=hrm_fit_single_byte_product_id 255=OHR 1405=approach_g10
        2158=fr735xt 2187=d2airvenu 2260=edge520_asia 2261=edge520_japan 2271=vivo_smart2
        2274=edge1000_thai 2288=edge25_asia 2289=edge25_jpn 2290=edge20_asia 2292=approach_x40
        2293=fenix3_japan 2294=vivo_smart_emea 2310=fr630_asia 2311=fr630_jpn 2313=fr230_jpn
        2332=epix_japan 2361=vivo_smart_hr_asia 2362=vivo_smart_gps_hr_asia 2379=varia_taillight
        2396=fr235_asia 2397=fr235_japan 2407=fenix3_korea 2408=fenix3_sea 2457=epix_korea
        2473=fenix3_hr_chn 2474=fenix3_hr_twn 2475=fenix3_hr_jpn 2476=fenix3_hr_sea 2477=fenix3_hr_kor
        2497=vivo_active_hr_apac 2503=fr35 2512=oregon7xx_ww 2533=fr735xt_apac 2534=fr735xt_japan
        2599=edge_820_china 2600=edge_820_japan 2622=vivo_smart3 2623=vivo_sport 2628=edge_820_taiwan
        2629=edge_820_korea 2630=edge_820_sea 2650=fr35_hebrew 2656=approach_s60 2667=fr35_apac
        2668=fr35_japan 2675=fenix3_chronos_asia 2687=virb_360 2700=vivoactive3 2713=edge_1030
        2727=fr35_sea 2733=fr235_china_nfc 2769=foretrex_601_701 2772=vivo_move_hr 2787=vector_3
        2796=fenix5_asia 2797=fenix5s_asia 2798=fenix5x_asia 2806=approach_z80 2814=fr35_korea
        2819=d2charlie 2831=vivo_smart3_apac 2832=vivo_sport_apac 2833=fr935_asia 2859=descent
        2878=vivo_fit4 2886=fr645 2888=fr645m 2891=fr30 2900=fenix5s_plus 2909=Edge_130
        2924=edge_1030_asia 2927=vivosmart_4 2945=vivo_move_hr_asia 2962=approach_x10 2977=fr30_asia
        2988=vivoactive3m_w 3003=fr645_asia 3004=fr645m_asia 3011=edge_explore 3028=gpsmap66
        3049=approach_s10 3066=vivoactive3m_l 3076=fr245 3077=fr245_music 3085=approach_g80
        3092=edge_130_asia 3095=edge_1030_bontrager 3110=fenix5_plus 3111=fenix5x_plus
        3112=edge_520_plus 3113=fr945 3121=edge_530 3122=edge_830 3126=instinct_esports
        3134=fenix5s_plus_apac 3135=fenix5x_plus_apac 3142=edge_520_plus_apac 3143=descent_t1
        3144=fr235l_asia 3145=fr245_asia 3163=vivo_active3m_apac 3192=gen3_bsm 3193=gen3_bcm
        3218=vivo_smart4_asia 3224=vivoactive4_small 3225=vivoactive4_large 3226=venu 3246=marq_driver
        3247=marq_aviator 3248=marq_captain 3249=marq_commander 3250=marq_expedition 3251=marq_athlete
        3258=descent_mk2 3282=fr45 3284=gpsmap66i 3287=fenix6S_sport 3288=fenix6S 3289=fenix6_sport
        3290=fenix6 3291=fenix6x 3299=hrm_dual 3300=hrm_pro 3308=vivo_move3_premium 3314=approach_s40
        3321=fr245m_asia 3349=edge_530_apac 3350=edge_830_apac 3378=vivo_move3
        3387=vivo_active4_small_asia 3388=vivo_active4_large_asia 3389=vivo_active4_oled_asia 3405=swim2
        3420=marq_driver_asia 3421=marq_aviator_asia 3422=vivo_move3_asia 3441=fr945_asia
        3446=vivo_active3t_chn 3448=marq_captain_asia 3449=marq_commander_asia 3450=marq_expedition_asia
        3451=marq_athlete_asia 3461=index_smart_scale_2 3466=instinct_solar 3469=fr45_asia
        3473=vivoactive3_daimler 3498=legacy_rey 3499=legacy_darth_vader 3500=legacy_captain_marvel
        3501=legacy_first_avenger 3512=fenix6s_sport_asia 3513=fenix6s_asia 3514=fenix6_sport_asia
        3515=fenix6_asia 3516=fenix6x_asia 3535=legacy_captain_marvel_asia
        3536=legacy_first_avenger_asia 3537=legacy_rey_asia 3538=legacy_darth_vader_asia
        3542=descent_mk2s 3558=edge_130_plus 3570=edge_1030_plus 3578=rally_200 3589=fr745
        3596=venusq_music 3599=venusq_music_v2 3600=venusq 3615=lily 3624=marq_adventurer 3638=enduro
        3639=swim2_apac 3648=marq_adventurer_asia 3652=fr945_lte 3702=descent_mk2_asia 3703=venu2
        3704=venu2s 3737=venu_daimler_asia 3739=marq_golfer 3740=venu_daimler 3794=fr745_asia
        3808=varia_rct715 3809=lily_asia 3812=edge_1030_plus_asia 3813=edge_130_plus_asia
        3823=approach_s12 3837=venusq_asia 3843=edge_1040 3850=marq_golfer_asia 3851=venu2_plus
        3865=gnss 3869=fr55 3872=enduro_asia 3888=instinct_2 3889=instinct_2s 3905=fenix7s 3906=fenix7
        3907=fenix7x 3908=fenix7s_apac 3909=fenix7_apac 3910=fenix7x_apac 3927=approach_g12
        3930=descent_mk2s_asia 3934=approach_s42 3943=epix_gen2 3944=epix_gen2_apac 3949=venu2s_asia
        3950=venu2_asia 3978=fr945_lte_asia 3982=vivo_move_sport 3983=vivomove_trend
        3986=approach_S12_asia 3990=fr255_music 3991=fr255_small_music 3992=fr255 3993=fr255_small
        4001=approach_g12_asia 4002=approach_s42_asia 4005=descent_g1 4017=venu2_plus_asia 4024=fr955
        4033=fr55_asia 4061=edge_540 4062=edge_840 4063=vivosmart_5 4071=instinct_2_asia 4105=marq_gen2
        4115=venusq2 4116=venusq2music 4124=marq_gen2_aviator 4125=d2_air_x10 4130=hrm_pro_plus
        4132=descent_g1_asia 4135=tactix7 4155=instinct_crossover 4169=edge_explore2 4222=descent_mk3
        4223=descent_mk3i 4233=approach_s70 4257=fr265_large 4258=fr265_small 4260=venu3 4261=venu3s
        4265=tacx_neo_smart 4266=tacx_neo2_smart 4267=tacx_neo2_t_smart 4268=tacx_neo_smart_bike
        4269=tacx_satori_smart 4270=tacx_flow_smart 4271=tacx_vortex_smart 4272=tacx_bushido_smart
        4273=tacx_genius_smart 4274=tacx_flux_flux_s_smart 4275=tacx_flux2_smart 4276=tacx_magnum
        4305=edge_1040_asia 4312=epix_gen2_pro_42 4313=epix_gen2_pro_47 4314=epix_gen2_pro_51 4315=fr965
        4341=enduro2 4374=fenix7s_pro_solar 4375=fenix7_pro_solar 4376=fenix7x_pro_solar 4380=lily2
        4394=instinct_2x 4426=vivoactive5 4432=fr165 4433=fr165_music 4440=edge_1050 4442=descent_t2
        4446=hrm_fit 4472=marq_gen2_commander 4477=lily_athlete 4532=fenix8_solar
        4533=fenix8_solar_large 4534=fenix8_small 4536=fenix8 4556=d2_mach1_pro 4575=enduro3
        4583=instinctE_40mm 4584=instinctE_45mm 4585=instinct3_solar_45mm 4586=instinct3_amoled_45mm
        4587=instinct3_amoled_50mm 4588=descent_g2 4606=hrm_200 4625=vivoactive6 4647=approachS44
        4656=approachS50 4666=fenix_e 4759=instinct3_solar_50mm 4775=tactix8_amoled 4776=tactix8_solar
        20533=tacx_training_app_win 20534=tacx_training_app_mac 20565=tacx_training_app_mac_catalyst
        30045=tacx_training_app_android 30046=tacx_training_app_ios 30047=tacx_training_app_legacy
    """,
    "local_device_type": """
        0=gps 1=glonass 2=gps_glonass 3=accelerometer 4=barometer 5=temperature 10=whr 12=sensor_hub
    """,
    "ble_device_type": """
        0=connected_gps 1=heart_rate 2=bike_power 3=bike_speed_cadence 4=bike_speed 5=bike_cadence
        6=footpod 7=bike_trainer
    """,
    "mesg_num": """
        13=training_settings 211=monitoring_hr_data 216=time_in_zone 229=max_met_data 269=spo2_data
        275=sleep_level 285=jump 289=aad_accel_features 290=beat_intervals 297=respiration_rate
        302=hsa_accelerometer_data 304=hsa_step_data 305=hsa_spo2_data 306=hsa_stress_data
        307=hsa_respiration_data 308=hsa_heart_rate_data 312=split 313=split_summary
        314=hsa_body_battery_data 315=hsa_event 317=climb_pro 319=tank_update 323=tank_summary
        346=sleep_assessment 370=hrv_status_summary 371=hrv_value 372=raw_bbi
        375=device_aux_battery_info 376=hsa_gyroscope_data 387=chrono_shot_session 388=chrono_shot_data
        389=hsa_configuration_data 393=dive_apnea_alarm 398=skin_temp_overnight
        409=hsa_wrist_temperature_data
    """,
}
"""Newer words by type."""


_SUBS = """
18 18 avg_swimming_cadence sport=5 -
18 18 avg_paddlesport_cadence sport=15,37 -
18 19 max_paddlesport_cadence sport=15,37 -
19 17 avg_paddlesport_cadence sport=15,37 -
19 18 max_paddlesport_cadence sport=15,37 -
18 19 max_swimming_cadence sport=5 -
18 10 total_strokes sport=2,5,15,37 -
19 10 total_strokes sport=2,5,15,37 -
19 17 avg_swimming_cadence sport=5 -
19 18 max_swimming_cadence sport=5 -
23 1 ble_device_type source_type=3 ble_device_type
23 1 local_device_type source_type=5 local_device_type
"""
"""Newer special names: message, field, name, the field that decides and its raw values, type of the words."""


@cache
def words_of(type_name: str) -> dict[int, str]:
    """Words of a profile type by number; empty where it has none."""
    from fitparse.profile import FIELD_TYPES

    known = FIELD_TYPES.get(type_name)
    words = dict(known.values or {}) if known is not None else {}
    for pair in _WORDS.get(type_name, "").split():
        number, _, word = pair.partition("=")
        words.setdefault(int(number), word)
    return words


@cache
def message_name(number: int) -> str:
    """Name of a kind of message, ``unknown_<number>`` where the profile has none."""
    return words_of("mesg_num").get(number) or f"unknown_{number}"


@cache
def message_number(name: str) -> int:
    """Global number of a kind of message by name, -1 where there is none."""
    if name.startswith("unknown_") and name[8:].isdigit():
        return int(name[8:])
    return next((number for number, word in words_of("mesg_num").items() if word == name), -1)


@cache
def message(number: int) -> MessageSpec:
    """A kind of message with its fields; without fields where the profile does not know it."""
    from fitparse.profile import MESSAGE_TYPES

    known = MESSAGE_TYPES.get(number)
    fields = {253: FieldSpec("timestamp", "time", units="s"), 254: FieldSpec("message_index")}
    if known is not None:
        fields |= {num: _field(entry) for num, entry in known.fields.items()}
    for line in _FIELDS.get(number, "").strip().splitlines():
        parts = line.split()
        spec = _added(parts[1], parts[2], float(parts[3]), float(parts[4]), parts[5])
        fields.setdefault(int(parts[0]), spec)
    for line in _SUBS.strip().splitlines():
        of, place, name, when, type_name = line.split()
        if int(of) == number:
            spec = fields[int(place)]
            fields[int(place)] = replace(spec, subs=(*spec.subs, _added_sub(name, when, type_name)))
    return MessageSpec(number, message_name(number), fields)


def _added(name: str, type_name: str, scale: float, offset: float, units: str) -> FieldSpec:
    name, _, target = name.partition(">")
    components: tuple[Component, ...] = ()
    if target:
        into, _, bits = target.partition("/")
        components = (Component(into, 0, int(bits), scale, offset, accumulate=False),)
    kind = {"date_time": "time", "local_date_time": "local_time"}.get(type_name, "number")
    words = words_of(type_name) if type_name not in _MASKS else {}
    if words and kind == "number":
        kind = "words"
    unit = "" if units == "-" else units.replace("_", " ")
    return FieldSpec(name, kind, words or None, scale, offset, unit, components)


def _added_sub(name: str, when: str, type_name: str) -> Sub:
    decides, _, values = when.partition("=")
    words = words_of(type_name) if type_name != "-" else None
    return Sub(name, tuple((decides, int(value)) for value in values.split(",")), words, 1.0, 0.0, ())


def _field(entry: Any) -> FieldSpec:
    """A field of fitparse's table in our shape."""
    kind, words = _kind(entry)
    subs = tuple(
        Sub(
            sub.name,
            tuple((ref.name, int(ref.raw_value)) for ref in sub.ref_fields or ()),
            _kind(sub)[1],
            float(sub.scale or 1),
            float(sub.offset or 0),
            _components(sub),
        )
        for sub in entry.subfields or ()
    )
    return FieldSpec(
        entry.name,
        kind,
        words,
        _one(entry.scale, 1.0),
        _one(entry.offset, 0.0),
        entry.units or "",
        _components(entry),
        subs,
    )


def _one(value: Any, default: float) -> float:
    """A scale; the profile leaves it out, or gives one a component, where it is not for the field."""
    return float(value) if isinstance(value, (int, float)) and value else default


def _kind(entry: Any) -> tuple[str, dict[int, str] | None]:
    """Whether a field is a number, a time or words, and which words."""
    name = entry.type.name
    if name in ("date_time", "local_date_time"):
        return ("time" if name == "date_time" else "local_time"), None
    if entry.is_base_type or not entry.type.values:
        return "number", None
    is_words = entry.base_type.name == "enum" or name in _NUMERIC_WORDS or name.endswith("exercise_name")
    return ("words", words_of(name)) if is_words else ("number", None)


def _components(entry: Any) -> tuple[Component, ...]:
    return tuple(
        Component(
            part.name,
            part.bit_offset,
            part.bits,
            _one(part.scale, 1.0),
            _one(part.offset, 0.0),
            bool(part.accumulate),
        )
        for part in entry.components or ()
    )
